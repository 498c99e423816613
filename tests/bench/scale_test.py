#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scale_test.py EBB - the measurement of growth runs at tiny sizes, and leaves only its results.

What the figures are is nobody's business here; that each step is there, that restored images hold
the right bytes, that it is shown, and that a run which is ended early cleans up, is. Exit code 77
where there are no loop devices or no XFS.
"""
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

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers_test import loop_images  # noqa: E402

EBB = ""
TINY = ("--memory-sizes", "2G", "--blocks", "40", "--changed", "10", "--rounds", "1",
        "--limit", "60", "--sparse-sizes", "64M", "--full-sizes", "16M",
        "--source-sizes", "64M",
        "--point-size", "4M", "--points", "3")
STEPS = {"memory": {"first", "unchanged", "changed", "verify", "scrub", "restore"},
         "volume": {"first", "unchanged", "changed", "read"},
         "source": {"first", "tracked", "scanned", "beginning"},
         "points": {"backup", "points", "verify", "restore", "scrub"}}


class Scale(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="ebb-scale-test.", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.folder)
        self.results = os.path.join(self.folder, "results", "scale.json")
        self.work = os.path.join(self.folder, "tmp")
        os.mkdir(self.work)

    def start(self, *options: str) -> subprocess.Popen:
        return subprocess.Popen(
            [os.path.join(ROOT, "bench/scale/run.sh"), "--no-install", "--ebb", EBB, *TINY,
             "--into", self.results, *options],
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

    def test_each_step_of_each_part_is_recorded_and_shown(self) -> None:
        parts = ["memory", "points"]
        if shutil.which("fio"):
            parts.append("volume")
        if os.path.exists("/sys/kernel/btf/vmlinux"):
            parts.append("source")
        run = self.start("--parts", ",".join(parts))
        said, _ = run.communicate()
        self.assertEqual(run.returncode, 0, said)
        self.assert_nothing_is_left()
        with open(self.results, encoding="utf-8") as file:
            records = json.load(file)["records"]
        for part in {record["part"] for record in records}:
            self.assertEqual({r["step"] for r in records if r["part"] == part}, STEPS[part])
        self.assertEqual([r["points"] for r in records
                          if r["part"] == "points" and r["step"] == "backup"], [1, 2, 3])
        for record in records:
            self.assertGreaterEqual(record["seconds"], 0, record)
            for field in ("machine", "version", "date", "session", "size"):
                self.assertTrue(record[field], field)
            if record["part"] == "memory" and record["step"] == "restore":
                self.assertEqual(record["restored"], "same")
        self.shows(said)

    def shows(self, said: str) -> None:
        document = os.path.join(self.folder, "benchmarks.md")
        with open(document, "w", encoding="utf-8") as file:
            file.write("# Before\n\n<!-- begin scale -->\nold\n<!-- end scale -->\n\n# After\n")
        subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "bench/scale/report.py"),
                        self.results, "--document", document], check=True)
        with open(document, encoding="utf-8") as file:
            text = file.read()
        self.assertTrue(text.startswith("# Before\n") and text.endswith("# After\n"), said)
        self.assertNotIn("\nold\n", text)
        self.assertIn("| 2 GiB, restore to a new image |", text)

    def test_a_run_that_is_ended_early_cleans_up(self) -> None:
        run = self.start("--parts", "memory", "--memory-sizes", ",".join(["2G"] * 100))
        for line in run.stdout:
            if line.startswith("memory, "):
                break
        # In the middle of some later step, whichever it is.
        time.sleep(random.SystemRandom().random())
        run.send_signal(signal.SIGTERM)
        said, _ = run.communicate()
        self.assertEqual(run.returncode, 143, said)
        self.assert_nothing_is_left()


if __name__ == "__main__":
    EBB = os.path.abspath(sys.argv.pop(1))
    if os.geteuid() != 0 or shutil.which("mkfs.xfs") is None or subprocess.run(
            ["losetup", "--find"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=False).returncode != 0:
        print("needs root, loop devices and mkfs.xfs")
        sys.exit(77)
    unittest.main(verbosity=2)
