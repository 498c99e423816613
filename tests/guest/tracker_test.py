#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tracker_test.py ebb=EBB changes_tool=PROGRAM - the tracker on Debian's own kernel.

A disk, a logical volume and a thin one are tracked while they are written, discarded, zeroed, used
by file systems, and while ebb is killed; each backup is made without a sample that could heal what
the tracker missed, and compared with the device. After a crash, and when the volume has grown, all
is read, and the backup says why. Prints its seed and takes it back from EBB_TEST_SEED;
EBB_GUEST_STEPS is how many steps there are (default 3).
"""
import os

import guest_case
import workload

STEPS = int(os.environ.get("EBB_GUEST_STEPS", "3"))


class Tracker(workload.Workload):
    disks = {"lvm": 320, "raw": 48, "repo": 256}

    def start(self, device: str) -> None:
        self.check("grep -q ' /sys/fs/bpf ' /proc/mounts || mount -t bpf bpf /sys/fs/bpf\n"
                   f"ebb track start {device}")

    def kill(self, device: str) -> str:
        """ebb is killed somewhere between asking the tracker and publishing a point."""
        self.churn(device)
        delay = self.chance.randrange(0, 3000)
        self.check(f"ebb backup {device} >/dev/null 2>&1 & ebb=$!\n"
                   f"usleep {delay}000; kill -9 $ebb 2>/dev/null || true; wait $ebb || true")
        self.churn(device)
        return f"killed after {delay} ms"

    def back_up(self, device: str) -> dict:
        # Nobody writes while it is read, and what is compared afterwards is what was read.
        self.quieten()
        self.check("sync")
        made = self.ebb(f"backup {device} --audit 0")
        self.check("echo 3 > /proc/sys/vm/drop_caches")
        self.ebb(f"verify {made['point']} --against {device}")
        return made

    def steps(self, device: str) -> None:
        self.start(device)
        self.back_up(device)
        kinds = [self.churn, self.use_files, self.kill]
        order = [kinds[i % len(kinds)] for i in range(STEPS)]
        self.chance.shuffle(order)
        for step in order:
            where = step(device)
            made = self.back_up(device)
            print(f"{self.id()}: {where}: {made['source']}: {made['source_said']}", flush=True)
            self.assertEqual(made["source"], "tracker", made["source_said"])
        # With nothing written, next to nothing is read.
        quiet = self.back_up(device)
        self.assertEqual((quiet["source"], quiet["blocks_changed"]), ("tracker", 0))
        self.assertLess(quiet["bytes_read"], quiet["device_size"] / 4)
        self.crash_and_go_on(device)

    def crash_and_go_on(self, device: str) -> None:
        where = self.crash(device)
        self.start(device)
        made = self.back_up(device)
        print(f"{self.id()}: {where}: {made['source']}: {made['source_said']}", flush=True)
        self.assertEqual(made["source"], "scan")
        self.churn(device)
        self.assertEqual(self.back_up(device)["source"], "tracker")

    def test_a_disk(self) -> None:
        self.make_repository()
        self.steps("/dev/disk/raw")

    def test_a_logical_volume_that_grows(self) -> None:
        self.make_repository()
        self.check("vgcreate -q vg0 /dev/disk/lvm\nlvcreate -q -y -L 48M -n data vg0")
        self.steps("/dev/vg0/data")
        self.check("lvextend -q -L +4M vg0/data")
        made = self.back_up("/dev/vg0/data")
        print(f"{self.id()}: grown: {made['source']}: {made['notes']}", flush=True)
        self.assertEqual(made["source"], "scan")
        self.assertRegex(" ".join(made["notes"]), "everything is read: .*size")
        self.check("ebb track stop /dev/vg0/data")

    def test_a_thin_volume(self) -> None:
        self.make_repository()
        self.check("vgcreate -q vg0 /dev/disk/lvm\n"
                   "lvcreate -q -y --type thin-pool -L 160M -c 64K -n pool vg0\n"
                   "lvcreate -q -y -V 48M -T vg0/pool -n data")
        self.steps("/dev/vg0/data")


if __name__ == "__main__":
    guest_case.main()
