#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""repository_test.py ebb=EBB - what a repository is when its disk lost power, or failed.

Every write of a real file system to its disk is recorded by dm-log-writes in the guest; on the host
the disk is put together as it was at flushes all along, with some of what was written after them, and
whatever point had been reported by then has to be there and sound. dm-flakey makes the disk fail in the middle. Prints its seed and takes it
back from EBB_TEST_SEED; EBB_GUEST_STEPS is how many moments are looked at (default 12).
"""
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from typing import List

import guest_case
import write_log

STEPS = int(os.environ.get("EBB_GUEST_STEPS", "12"))


def run(*command: str, environment: dict = {}) -> str:  # pylint: disable=dangerous-default-value
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, **environment})
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


class Repositories(guest_case.GuestCase):
    disks = {"repo": 128, "log": 700, "data": 24}

    def start(self, target: str) -> None:
        """The repository's disk is below a mapped device of this kind."""
        self.check(f"""
            dmsetup create below --noudevsync --table "0 $(blockdev --getsz /dev/disk/repo) {target}"
            ln -sf "/dev/dm-$(dmsetup info -c --noheadings -o minor below | tr -d ' ')" /tmp/below
            mkfs.ext4 -q /tmp/below; mkdir /repo; mount /tmp/below /repo
            echo 'correct horse' > /repo/phrase; ebb init /repo/r --json; sync""")

    def change(self) -> None:
        """Some of the source, in places of the seed."""
        self.check("\n".join(
            f"head -c {self.chance.randrange(1, 3000000)} /dev/urandom | dd of=/dev/disk/data bs=4k "
            f"seek={self.chance.randrange(0, 5000)} conv=notrunc 2>/dev/null" for _ in range(3)))

    def backup(self) -> str:
        return self.ebb("backup /dev/disk/data --volume disk")["point"]

    # ---- power ----------------------------------------------------------------------------------

    @unittest.skipUnless(os.geteuid() == 0, "needs root, for loop devices")
    def test_every_moment_without_power_leaves_what_was_reported(self) -> None:
        self.start("log-writes /dev/disk/repo /dev/disk/log")
        self.check("dmsetup message below 0 mark ready")
        for number in range(4):
            self.change()
            point = self.backup()
            self.check(f"dmsetup message below 0 mark {point}")
            if number >= 2:  # What is not needed goes with the second.
                self.check("dmsetup message below 0 mark pruning")
                self.ebb("prune --keep-last 2")
                self.ebb("collect")
        self.check("umount /repo; dmsetup remove --noudevsync below; sync")
        self.guest.kill()

        log = self.guest.disks["log"]
        entries = write_log.entries(log)
        ready = next(i for i, entry in enumerate(entries) if entry.mark == "ready")
        durable = [i for i, entry in enumerate(entries) if i > ready and entry.is_durable_point()]
        chosen = sorted(self.chance.sample(durable, min(STEPS, len(durable))))
        print(f"{self.id()}: {len(entries)} entries, {len(durable)} flushes", flush=True)
        disk = os.path.join(self.folder, "disk")
        with open(disk, "wb") as file:
            file.truncate(os.path.getsize(self.guest.disks["repo"]))
        done = 0
        for moment in chosen:
            write_log.replay(log, entries[done:moment + 1], disk)
            done = moment + 1
            # Of what came after that flush the disk may have some, in any order.
            after = next((i for i in durable if i > moment), len(entries))
            loose = [entry for entry in entries[done:after] if self.chance.randrange(2)]
            copy = os.path.join(self.folder, "copy")
            shutil.copy(disk, copy)
            write_log.replay(log, loose, copy)
            self.look_at(copy, [entry.mark for entry in entries[ready + 1:done] if entry.mark])

    def look_at(self, copy: str, marks: List[str]) -> None:
        reported = [mark for mark in marks if mark != "pruning"]
        if "pruning" in marks:
            reported = reported[-2:]  # What is older may be going.
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            mounted = os.path.join(folder, "mounted")
            os.mkdir(mounted)
            run("mount", "-o", "loop", copy, mounted)  # Whose journal is replayed.
            try:
                repository = ["--repo", os.path.join(mounted, "r"), "--json"]
                environment = {"EBB_PASSPHRASE_FILE": os.path.join(mounted, "phrase")}
                ebb = guest_case.PROGRAMS["/bin/ebb"]
                points = json.loads(run(ebb, "points", *repository, environment=environment))
                there = {point["point"] for point in points}
                said = json.loads(run(ebb, "verify", *repository, environment=environment))
                print(f"{self.id()}: {len(reported)} reported, {len(there)} there", flush=True)
                self.assertTrue(said["sound"])
                self.assertLessEqual(set(reported), there)
            finally:
                run("umount", mounted)

    # ---- a disk that fails ------------------------------------------------------------------------

    def switch(self, target: str) -> None:
        self.check(f"""dmsetup suspend --noflush --nolockfs below
            dmsetup reload below --table "0 $(blockdev --getsz /dev/disk/repo) {target}"
            dmsetup resume --noudevsync below""")

    def test_a_disk_that_fails_costs_the_run_and_nothing_else(self) -> None:
        whole = "flakey /dev/disk/repo 0 3600 0"
        self.start(whole)
        self.change()
        made = [self.backup()]
        for _ in range(2):
            self.change()
            delay = self.chance.randrange(0, 1500)
            self.check(f"""
                ebb backup /dev/disk/data --volume disk --json > /tmp/said 2>&1 & ebb=$!
                usleep {delay}000
                dmsetup suspend --noflush --nolockfs below
                dmsetup reload below --table \\
                  "0 $(blockdev --getsz /dev/disk/repo) flakey /dev/disk/repo 0 0 3600 1 error_writes"
                dmsetup resume --noudevsync below
                wait $ebb && echo 0 > /tmp/code || echo $? > /tmp/code; sync || true""")
            code, said = self.check("cat /tmp/code").strip(), self.check("cat /tmp/said")
            print(f"{self.id()}: failing after {delay} ms: code {code}: {said.strip()}", flush=True)
            if code == "0":  # It had ended before.
                made.append(json.loads(said.strip().rsplit("\n", 1)[-1])["point"])
            else:
                self.assertRegex(said, "(?i)error|read-only")
            self.check("umount /repo || true")
            self.switch(whole)
            self.check("mount /tmp/below /repo")
            there = {point["point"] for point in self.ebb("points")}
            self.assertLessEqual(set(made), there)
            self.assertTrue(self.ebb("verify")["sound"])
            made.append(self.backup())
        self.ebb("verify disk@latest --against /dev/disk/data")


if __name__ == "__main__":
    guest_case.main()
