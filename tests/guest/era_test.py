#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""era_test.py ebb=EBB changes_tool=PROGRAM - `ebb backup` of a device that dm-era watches.

Backups are made while the device is written, and the next one, which reads only what dm-era says,
has to make the point right. No sample is read that could heal what it misses. Prints its seed and
takes it back from EBB_TEST_SEED; EBB_GUEST_STEPS is how many steps there are (default 3).
"""
import os

import guest_case
import workload

STEPS = int(os.environ.get("EBB_GUEST_STEPS", "3"))
ERA = "/tmp/era"


class Eras(workload.Workload):
    disks = {"lvm": 100, "repo": 256}

    def make(self) -> None:
        self.make_repository()
        self.check("vgcreate -q vg0 /dev/disk/lvm\nlvcreate -q -y -L 48M -n data vg0\n"
                   "lvcreate -q -y -L 4M -n metadata vg0")
        self.set_up(new=True)

    def set_up(self, new: bool, discards: str = "0") -> None:
        clear = "dd if=/dev/zero of=/dev/vg0/metadata bs=4k count=1 conv=fsync 2>/dev/null" if new else ":"
        self.check(f"""
            {clear}
            dmsetup create era --noudevsync --table \\
              "0 $(blockdev --getsz /dev/vg0/data) era /dev/vg0/metadata /dev/vg0/data 128"
            era=dm-$(dmsetup info -c --noheadings -o minor era | tr -d ' ')
            ln -sf "/dev/$era" {ERA}
            [ -z "{discards}" ] || echo {discards} > /sys/block/$era/queue/discard_max_bytes""")

    def backup(self, source: str, why: str = "") -> None:
        made = self.ebb(f"backup {ERA} --volume era --audit 0")
        print(f"{self.id()}: {made['source']}: {made['source_said']}", flush=True)
        self.assertEqual(made["source"], source)
        self.assertIn(why, made["source_said"])

    def assert_right(self) -> None:
        self.check("sync; echo 3 > /proc/sys/vm/drop_caches")
        self.ebb(f"verify era@latest --against {ERA}")

    def test_eras_say_what_changed_also_while_it_changes(self) -> None:
        self.make()
        self.backup("scan", "first point")
        for _ in range(STEPS):
            self.check(f"changes_tool churn {ERA} {self.chance.getrandbits(32)} 0 >/dev/null 2>&1 &\n"
                       f"echo $! > /run/churn; usleep {self.chance.randrange(0, 300)}000")
            self.backup("dm-era")
            self.check("kill -9 $(cat /run/churn); while pidof changes_tool; do usleep 10000; done")
            self.backup("dm-era", "since era")
            self.assert_right()
        self.use_files(ERA)
        self.backup("dm-era")
        self.quieten()
        self.backup("dm-era")
        self.assert_right()

    def test_eras_that_cannot_be_used_say_why(self) -> None:
        self.make()
        self.check("dmsetup remove --noudevsync era")
        self.set_up(new=True, discards="")
        said = self.guest.run(f"{guest_case.EBB_WORDS}ebb backup {ERA} --source dm-era").output
        self.assertIn("takes discards", said)
        self.check("echo 0 > /sys/block/$(basename $(readlink /tmp/era))/queue/discard_max_bytes")
        self.backup("scan")
        # Held by somebody else.
        self.check("dmsetup message era 0 take_metadata_snap")
        self.backup("scan", "somebody else holds")
        self.check("dmsetup message era 0 drop_metadata_snap")
        self.backup("scan", "has no era")
        self.backup("dm-era")
        # Made anew: eras begin with 1 again, and go on beyond the point's.
        self.check("dmsetup remove --noudevsync era")
        self.check("head -c 65536 /dev/urandom | dd of=/dev/vg0/data bs=64k seek=9 conv=fsync")
        self.set_up(new=True)
        self.check("for i in 1 2 3 4 5 6 7 8 9; do dmsetup message era 0 checkpoint; done")
        self.backup("scan", "set up anew")
        self.assert_right()
        # The machine goes down.
        self.guest.run("sync; echo b > /proc/sysrq-trigger; sleep 9")
        self.start_again()
        self.set_up(new=False)
        self.check(f"head -c 65536 /dev/urandom | dd of={ERA} bs=64k seek=3 conv=fsync 2>/dev/null")
        self.backup("scan", "booted since")
        self.backup("dm-era")
        self.assert_right()
        self.assertIn("no device of dm-era", self.guest.run(
            f"{guest_case.EBB_WORDS}ebb backup /dev/vg0/data --source dm-era").output)


if __name__ == "__main__":
    guest_case.main()
