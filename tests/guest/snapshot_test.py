#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""snapshot_test.py ebb=EBB changes_tool=PROGRAM - `ebb backup --snapshot lvm` on real volumes.

What changed is told by the kept snapshots, without a sample that could heal what they miss, and
every point is compared with the snapshot that it was made from. ebb is killed, snapshots fill up,
the machine crashes: nothing stays suspended and no snapshot is left that nobody needs. Prints its
seed and takes it back from EBB_TEST_SEED; EBB_GUEST_STEPS is how many steps there are (default 3).
"""
import json
import os

import guest_case
import workload

STEPS = int(os.environ.get("EBB_GUEST_STEPS", "3"))
# What is mounted on /m/NAME counts up, on one volume after the other, each number synced.
COUNT_UP = """
touch /run/busy
(i=0; while [ -e /run/busy ]; do i=$((i+1))
  for v in NAMES; do echo $i > /m/$v/t; mv /m/$v/t /m/$v/n; sync /m/$v/n; done; done) >/dev/null 2>&1 &
"""


class Snapshots(workload.Workload):
    disks = {"lvm": 400, "repo": 256}

    def make(self, script: str) -> None:
        self.make_repository()
        self.check(f"vgcreate -q vg0 /dev/disk/lvm\n{script}")

    def thick(self, name: str, mib: int = 48) -> str:
        return f"lvcreate -q -y -L {mib}M -n {name} vg0\n"

    def pool_and(self, name: str, mib: int = 48) -> str:
        return ("lvcreate -q -y --type thin-pool -L 160M -c 64K -n pool vg0\n"
                f"lvcreate -q -y -V {mib}M -T vg0/pool -n {name}\n")

    def backup(self, devices: str, more: str = ""):
        # An emulated machine may be very slow; how long a volume is held is another test's matter.
        return self.ebb(f"backup {devices} --snapshot lvm --snapshot-hold 300 --audit 0 {more}")

    def failed_backup(self, devices: str, more: str = "") -> str:
        said = self.guest.run(f"{guest_case.EBB_WORDS}ebb backup {devices} --snapshot lvm {more}")
        self.assertNotEqual(said.code, 0, said.output)
        return said.output

    def snapshots(self) -> list:
        """Those of ebb: their nodes."""
        report = json.loads(self.check("lvs --reportformat json -o lv_dm_path @ebb"))
        return [row["lv_dm_path"] for row in report["report"][0]["lv"]]

    def assert_nothing_is_held(self) -> None:
        """Keepers let go by themselves, and say nothing when they have."""
        self.check("while dmsetup info -c --noheadings -o suspended | grep -q Suspended; do "
                   "usleep 100000; done")

    def assert_is(self, point: str, snapshot: str) -> None:
        self.ebb(f"verify {point} --against {snapshot}")

    # ---- what snapshots say changed ---------------------------------------------------------------

    def steps(self, source: str) -> None:
        kinds = [self.churn, self.use_files, self.crash]
        self.chance.shuffle(kinds)
        for number in range(STEPS + 1):
            where = "the first" if number == 0 else kinds[number % 3]("/dev/vg0/data")
            made = self.backup("/dev/vg0/data", "--snapshot-size 64M")
            self.quieten()
            print(f"{self.id()}: {where}: {made['source']}: {made['source_said']}", flush=True)
            self.assertEqual(made["source"], "scan" if number == 0 else source)
            self.assertEqual(len(self.snapshots()), 1)
            self.assert_is(made["point"], self.snapshots()[0])
        self.check("lvcreate -q -y -L 48M -n target vg0")
        self.ebb("restore vg0-data@latest /dev/vg0/target --yes --journal /tmp/journal")
        self.check(f"cmp {self.snapshots()[0]} /dev/vg0/target")

    def test_thick_ones_say_what_changed(self) -> None:
        self.make(self.thick("data"))
        self.steps("dm-snapshot")

    def test_thin_ones_say_what_changed(self) -> None:
        self.make(self.pool_and("data"))
        self.steps("dm-thin")

    def test_a_lost_base_is_said_and_everything_is_read(self) -> None:
        self.make(self.thick("data"))
        self.backup("/dev/vg0/data", "--snapshot-size 16M")
        self.check("dd if=/dev/urandom of=/dev/vg0/data bs=1M count=24 conv=fsync 2>/dev/null")
        made = self.backup("/dev/vg0/data", "--snapshot-size 16M")
        self.assertEqual(made["source"], "scan")
        self.assertIn("overflowed", made["source_said"])
        self.assertEqual(len(self.snapshots()), 1)
        self.check(f"lvremove -q -y {self.snapshots()[0]}")
        self.assertIn("gone", self.backup("/dev/vg0/data")["source_said"])
        # A volume that grew is another volume to a snapshot, and to ebb.
        self.check("lvremove -q -y @ebb; lvextend -q -L +4M vg0/data")
        made = self.backup("/dev/vg0/data")
        self.assertEqual(made["source"], "scan")
        self.assert_is(made["point"], self.snapshots()[0])

    def test_free_space_of_file_systems_in_use_is_left_out(self) -> None:
        self.make(self.thick("data") + self.thick("target") + "mkdir -p /m /s /t")
        for system, made, snapshot_options in (("ext4", "-F", "noload"),
                                               ("xfs", "-f --unsupported", "norecovery,nouuid")):
            self.check(f"""
                mkfs.{system} -q {made} /dev/vg0/data; mount -t {system} /dev/vg0/data /m
                for i in 1 2 3 4 5 6 7 8; do head -c 2500000 /dev/urandom > /m/$i; done
                sync; rm /m/2 /m/4 /m/6
                touch /run/busy
                (while [ -e /run/busy ]; do
                  head -c 300000 /dev/urandom > /m/new; mv /m/new /m/n; done) >/dev/null 2>&1 &""")
            made = self.backup("/dev/vg0/data", "--leave-out-free --volume " + system)
            self.check("rm /run/busy; while ! umount /m; do usleep 100000; done")
            print(f"{self.id()}: {system}: {made['blocks_left_out']}: {made['left_out_said']}",
                  flush=True)
            self.assertGreater(made["blocks_left_out"], 100)
            self.check("head -c 48M /dev/urandom > /dev/vg0/target || true")
            self.ebb(f"restore {system}@latest /dev/vg0/target --yes --journal /tmp/journal")
            self.check(f"""
                mount -t {system} -o ro,{snapshot_options} {self.snapshots()[0]} /s
                mount -t {system} {'-o nouuid' if system == 'xfs' else ''} /dev/vg0/target /t
                ls /t; diff -r /s /t; umount /s; umount /t
                {'e2fsck -fn' if system == 'ext4' else 'xfs_repair -n'} /dev/vg0/target
                lvremove -q -y @ebb""")

    # ---- snapshots that fill up ---------------------------------------------------------------------

    def write_on(self, up_to_percent: int, pause: int) -> None:
        """Until /run/busy goes, a MiB and a pause (microseconds) at a time; and not while the
        snapshot is fuller than this, however long the slowest machine takes to extend it."""
        self.check(f"""
            fullest() {{
              dmsetup status --target snapshot 2>/dev/null | (most=0
              while read -r name from to kind used more; do
                case $used in */*) now=$((${{used%/*}} * 100 / ${{used#*/}})) ;; *) now=0 ;; esac
                [ $now -le $most ] || most=$now
              done; echo $most)
            }}
            touch /run/busy
            (at=0; while [ -e /run/busy ]; do
              if [ $(fullest) -lt {up_to_percent} ]; then
                dd if=/dev/zero of=/dev/vg0/data bs=1M count=1 seek=$((at % 60)) conv=fsync
                at=$((at+1))
              fi
              usleep {pause}
            done) >/dev/null 2>&1 &""")

    def test_one_that_fills_up_meanwhile_is_right(self) -> None:
        self.make(self.thick("data", 64) + "head -c 64M /dev/urandom > /dev/vg0/data || true; sync")
        self.write_on(60, 300000)
        made = self.backup("/dev/vg0/data", "--snapshot-size 16M --threads 1 --compress zstd:19")
        self.check("rm /run/busy")
        self.assert_is(made["point"], self.snapshots()[0])
        # Whether it had to be extended is a matter of time, which is told and not judged.
        room = int(self.check(f"blockdev --getsize64 {self.snapshots()[0]}-cow"))
        print(f"{self.id()}: extended to {room >> 20} MiB", flush=True)

    def test_one_that_cannot_be_extended_is_given_up_before_it_overflows(self) -> None:
        self.make(self.thick("data", 64) + "head -c 64M /dev/urandom > /dev/vg0/data || true; sync\n"
                  "lvcreate -q -y -L 312M -n rest vg0")
        self.write_on(100, 20000)
        ended = self.guest.run(f"{guest_case.EBB_WORDS}ebb backup /dev/vg0/data --snapshot lvm "
                               "--snapshot-size 16M --threads 1 --compress zstd:19")
        self.check("rm /run/busy")
        if ended.code == 0:
            print(f"{self.id()}: the backup ended before the snapshot was full", flush=True)
            return
        self.assertRegex(ended.output, "nearly full|overflowed")
        self.assertEqual(self.snapshots(), [])
        self.assertEqual(self.ebb("points"), [])
        said = self.failed_backup("/dev/vg0/data", "--snapshot-size 100%")
        self.assertRegex(said, "bytes free.*--snapshot-size")

    # ---- killed -----------------------------------------------------------------------------------

    def test_what_a_killed_one_left_is_removed_by_the_next(self) -> None:
        self.make(self.thick("data") + self.thick("logs") + """
            for v in data logs; do mkfs.ext4 -q /dev/vg0/$v; mkdir -p /m/$v
              mount -t ext4 /dev/vg0/$v /m/$v; done""")
        both = "/dev/vg0/data /dev/vg0/logs"
        self.backup(both)
        for _ in range(STEPS):
            delay = self.chance.randrange(0, 9000)
            self.check(f"date > /m/data/n; date > /m/logs/n\n"
                       f"ebb backup {both} --snapshot lvm >/dev/null 2>&1 & ebb=$!\n"
                       f"usleep {delay}000; kill -9 $ebb 2>/dev/null || true\n"
                       # What LVM was doing it ends, whatever becomes of ebb.
                       "while pidof lvm >/dev/null; do usleep 50000; done")
            self.assert_nothing_is_held()
            self.check("date > /m/data/n; date > /m/logs/n; sync")
        made = self.backup(both)["points"]
        self.assertEqual(len(self.snapshots()), 2)
        for point, snapshot in zip(made, sorted(self.snapshots())):
            self.assertEqual(point["source"], "dm-snapshot", point["source_said"])
            self.assert_is(point["point"], snapshot)

    # ---- several ------------------------------------------------------------------------------------

    def test_several_show_one_instant(self) -> None:
        names = "data logs thin"
        self.make(self.thick("data", 16) + self.thick("logs", 16) + self.pool_and("thin", 16) + f"""
            for v in {names}; do mkfs.ext4 -q /dev/vg0/$v; mkdir -p /m/$v
              mount -t ext4 /dev/vg0/$v /m/$v; echo 0 > /m/$v/n; done; mkdir /s""" + COUNT_UP.replace("NAMES", names))
        for _ in range(STEPS // 2):
            made = self.backup("/dev/vg0/data /dev/vg0/logs /dev/vg0/thin")["points"]
            numbers = []
            for point, snapshot in zip(made, sorted(self.snapshots())):
                self.assert_is(point["point"], snapshot)
                numbers.append(int(self.check(f"mount -t ext4 -o ro,noload {snapshot} /s\n"
                                              "cat /s/n; umount /s")))
            print(f"{self.id()}: {numbers}", flush=True)
            # A later volume has what an earlier one has, or not yet; never what that has not.
            self.assertEqual(sorted(numbers, reverse=True), numbers)
            self.assertLessEqual(numbers[0] - numbers[-1], 1)
        self.check("rm /run/busy")

    def test_several_that_cannot_be_held_long_enough_are_let_go(self) -> None:
        self.make(self.thick("data", 32) + self.thick("logs", 32))
        said = self.guest.run(f"{guest_case.EBB_WORDS}ebb backup /dev/vg0/data /dev/vg0/logs "
                              "--snapshot lvm --snapshot-hold 1")
        if said.code != 0:
            self.assertRegex(said.output, "held still together|took too long")
            self.assertEqual(self.snapshots(), [])
        self.assert_nothing_is_held()

    def test_two_thin_ones_are_refused_and_left_alone(self) -> None:
        self.make(self.pool_and("data") + "lvcreate -q -y -V 48M -T vg0/pool -n logs")
        said = self.failed_backup("/dev/vg0/data /dev/vg0/logs")
        self.assertIn("two at one instant", said)
        self.assertEqual(self.snapshots(), [])


if __name__ == "__main__":
    guest_case.main()
