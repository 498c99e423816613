#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""peers_test.py EBB - the comparison with other tools runs, and leaves nothing but its results.

Takes the program EBB and dd through bench/peers/run.sh on the smallest volume. What the figures
are is nobody's business here; that they are there, that the restored devices hold the right bytes,
and that a run which is ended early cleans up, is. Exit code 77 where there are no loop devices.
"""
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from typing import List

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EBB = ""
STEPS = {"ebb": {"full", "unchanged", "changed", "verify", "restore", "in place"},
         "dd": {"full", "restore"}}


def loop_images(below: str) -> List[str]:
    """What loop devices hold of the folder."""
    images = []
    for path in glob.glob("/sys/block/loop*/loop/backing_file"):
        try:
            with open(path, encoding="utf-8") as file:
                images.append(file.read())
        except OSError:
            pass  # Somebody else's, which ended meanwhile.
    return [image for image in images if image.startswith(below)]


class Peers(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="ebb-peers-test.", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.folder)
        self.results = os.path.join(self.folder, "results", "peers.json")
        self.work = os.path.join(self.folder, "tmp")
        os.mkdir(self.work)

    def start(self, *options: str) -> subprocess.Popen:
        return subprocess.Popen(
            [os.path.join(ROOT, "bench/peers/run.sh"), "--no-install", "--ebb", EBB, "--size", "64",
             "--rounds", "1", "--source", "/usr/bin", "--into", self.results, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=dict(os.environ, TMPDIR=self.work), start_new_session=True)

    def assert_nothing_is_left(self) -> None:
        self.assertEqual(os.listdir(self.work), [])
        # Whoever looks at all loop devices just now keeps one for a moment.
        end = time.monotonic() + 10
        while loop_images(self.folder) and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(loop_images(self.folder), [])
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            self.assertNotIn(self.folder, file.read())

    def test_each_step_of_each_tool_is_recorded_and_shown(self) -> None:
        run = self.start("--tools", "dd,ebb")
        said, _ = run.communicate()
        self.assertEqual(run.returncode, 0, said)
        self.assert_nothing_is_left()
        with open(self.results, encoding="utf-8") as file:
            records = json.load(file)["records"]
        for tool, steps in STEPS.items():
            self.assertEqual({r["step"] for r in records if r["tool"] == tool}, steps)
        for record in records:
            for field in ("seconds", "wall_seconds", "cpu_seconds", "peak_memory_bytes"):
                self.assertGreaterEqual(record[field], 0, record)
            for field in ("machine", "volume", "version", "date", "session"):
                self.assertTrue(record[field], field)
            if record["step"] in ("restore", "in place"):
                self.assertEqual(record["restored"], "same")
        stored = {r["step"]: r["added_bytes"] for r in records
                  if r["tool"] == "ebb" and "added_bytes" in r}
        self.assertGreater(stored["full"], stored["changed"])
        self.shows(said)

    def shows(self, said: str) -> None:
        document = os.path.join(self.folder, "benchmarks.md")
        with open(document, "w", encoding="utf-8") as file:
            file.write("# Before\n\n<!-- begin peers -->\nold\n<!-- end peers -->\n\n# After\n")
        subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "bench/peers/report.py"),
                        self.results, "--document", document], check=True)
        with open(document, encoding="utf-8") as file:
            text = file.read()
        self.assertTrue(text.startswith("# Before\n") and text.endswith("# After\n"), said)
        self.assertNotIn("\nold\n", text)
        self.assertIn("| **ebb** | yes |", text)

    def test_a_run_that_is_ended_early_cleans_up(self) -> None:
        run = self.start("--tools", "ebb", "--rounds", "1000")
        for line in run.stdout:
            if line.startswith("round 1 "):
                break
        # In the middle of some later step, whichever it is.
        time.sleep(random.SystemRandom().random())
        run.send_signal(signal.SIGTERM)
        said, _ = run.communicate()
        self.assertEqual(run.returncode, 143, said)
        self.assert_nothing_is_left()


if __name__ == "__main__":
    EBB = os.path.abspath(sys.argv.pop(1))
    if os.geteuid() != 0 or subprocess.run(["losetup", "--find"], stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL, check=False).returncode != 0:
        print("needs root and loop devices")
        sys.exit(77)
    unittest.main(verbosity=2)
