#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""lvm_test.py ebb=EBB - ebb backs up and restores LVM volumes of a real kernel, and crashes heal.

Thick and thin volumes with a file system on them; everything is compared byte for byte. Prints its
seed and takes it back from EBB_TEST_SEED.
"""
import guest_case

# A file system with files, a few of them gone again; the rest of the volume was never written.
FILL = """
mkfs.ext4 -q $1; mount $1 /mnt
mkdir /mnt/a; cp -a /sbin /lib/modules /mnt/a/; head -c 5000000 /dev/urandom > /mnt/noise
rm -r /mnt/a/sbin; umount /mnt
"""


class Lvm(guest_case.GuestCase):
    def fill(self, device: str) -> None:
        self.check(f"set -- {device}\n{FILL}")

    def round_trip(self, device: str, volume: str) -> None:
        """The device as it is now, onto another volume of its size."""
        point = self.ebb(f"backup {device} --volume {volume}")["point"]
        self.ebb(f"restore {point} /dev/vg0/target --yes --journal /tmp/journal")
        self.check(f"cmp {device} /dev/vg0/target")

    def make_volumes(self) -> None:
        self.make_repository()
        self.check("""
            vgcreate -q vg0 /dev/disk/lvm
            lvcreate -q -y -L 48M -n data vg0
            lvcreate -q -y -L 48M -n target vg0
            lvcreate -q -y --type thin-pool -L 64M -n pool vg0
            lvcreate -q -y -V 48M -T vg0/pool -n thin""")

    def test_volumes_come_back_and_outlive_a_reboot(self) -> None:
        self.make_volumes()
        for kind in ("data", "thin"):
            self.fill(f"/dev/vg0/{kind}")
            self.round_trip(f"/dev/vg0/{kind}", kind)
        self.guest.power_off()

        self.start_again()
        self.check("mount /dev/vg0/thin /mnt && rm /mnt/noise && umount /mnt")
        self.round_trip("/dev/vg0/thin", "thin")
        self.ebb("verify")

    def test_a_snapshot_is_backed_up_while_its_origin_changes(self) -> None:
        self.make_volumes()
        self.fill("/dev/vg0/data")
        self.check("""
            cp /dev/vg0/data /tmp/before
            lvcreate -q -s -L 16M -n snap vg0/data
            mount /dev/vg0/data /mnt
            head -c 6000000 /dev/urandom > /mnt/more; rm /mnt/noise; sync""")
        point = self.ebb("backup /dev/vg0/snap --volume data")["point"]
        self.ebb(f"restore {point} /dev/vg0/target --yes --journal /tmp/journal")
        self.check("cmp /tmp/before /dev/vg0/target")

    def test_a_crash_in_a_backup_costs_nothing_but_that_backup(self) -> None:
        self.make_volumes()
        self.fill("/dev/vg0/data")
        self.round_trip("/dev/vg0/data", "data")
        for way in ("reboot", "power"):
            self.check("mount /dev/vg0/data /mnt; head -c 9000000 /dev/urandom > /mnt/noise; umount /mnt")
            delay = self.chance.randrange(0, 1500)
            # No sync comes before: what the guest's memory holds is gone.
            script = (f"(usleep {delay}000; echo b > /proc/sysrq-trigger) &\n"
                      "while :; do ebb backup /dev/vg0/data --volume data; done")
            if way == "reboot":
                self.assertTrue(self.guest.run(guest_case.EBB_WORDS + script).crashed)
            else:
                self.check("ebb backup /dev/vg0/data --volume data >/dev/null 2>&1 &")
                self.guest.kill()
            self.start_again()
            self.round_trip("/dev/vg0/data", "data")
        self.ebb("verify")


if __name__ == "__main__":
    guest_case.main()
