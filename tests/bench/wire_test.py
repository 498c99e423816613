#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""wire_test.py EBB - the measurement of the wire runs at tiny sizes, and leaves only its results.

What the figures are is nobody's business here; that each way and each number of sources is there,
that it is shown, and that a run which is ended early leaves no server and no file, is. Exit code 77
where the benchmark cannot run.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

EBB = ""
TINY = ("--size", "16M", "--total", "16M", "--sources", "1,3", "--rounds", "1")


class Wire(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="ebb-wire-test.", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.folder)
        self.results = os.path.join(self.folder, "results", "wire.json")
        self.work = os.path.join(self.folder, "tmp")
        os.mkdir(self.work)

    def start(self, *options: str) -> subprocess.Popen:
        return subprocess.Popen(
            [os.path.join(ROOT, "bench/wire/run.sh"), "--no-install", "--ebb", EBB, *TINY,
             "--into", self.results, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=dict(os.environ, TMPDIR=self.work), start_new_session=True)

    def assert_nothing_is_left(self) -> None:
        self.assertEqual(os.listdir(self.work), [])
        for process in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{process}/cmdline", encoding="utf-8", errors="replace") as file:
                    self.assertNotIn(self.work, file.read())
            except (FileNotFoundError, ProcessLookupError):
                pass

    def test_each_way_and_each_number_of_sources_is_recorded_and_shown(self) -> None:
        run = self.start()
        said, _ = run.communicate()
        self.assertEqual(run.returncode, 0, said)
        self.assert_nothing_is_left()
        with open(self.results, encoding="utf-8") as file:
            records = json.load(file)["records"]
        self.assertEqual({(r["way"], r["step"]) for r in records if r["part"] == "ways"},
                         {(way, step) for way in ("embedded", "unix", "tls")
                          for step in ("full", "unchanged", "restore")})
        self.assertEqual([r["sources"] for r in records if r["part"] == "sources"], [1, 3])
        document = os.path.join(self.folder, "benchmarks.md")
        with open(document, "w", encoding="utf-8") as file:
            file.write("# Before\n\n<!-- begin wire -->\nold\n<!-- end wire -->\n\n# After\n")
        subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "bench/wire/report.py"),
                        self.results, "--document", document], check=True)
        with open(document, encoding="utf-8") as file:
            text = file.read()
        self.assertTrue(text.startswith("# Before\n") and text.endswith("# After\n"), said)
        self.assertNotIn("\nold\n", text)
        self.assertIn("| full backup, unix socket |", text)
        self.assertIn("| 3 |", text)

    def test_a_run_that_is_ended_early_cleans_up(self) -> None:
        run = self.start("--rounds", "1000")
        for line in run.stdout:
            if line.startswith("way=tls"):
                break
        time.sleep(0.3)  # In the middle of some later step, whichever it is.
        run.send_signal(signal.SIGTERM)
        said, _ = run.communicate()
        self.assertEqual(run.returncode, 143, said)
        self.assert_nothing_is_left()


if __name__ == "__main__":
    EBB = os.path.abspath(sys.argv.pop(1))
    if os.geteuid() != 0 or subprocess.run(
            ["losetup", "--find"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=False).returncode != 0:
        print("needs root and loop devices")
        sys.exit(77)
    unittest.main(verbosity=2)
