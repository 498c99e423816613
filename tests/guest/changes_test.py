#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""changes_test.py changes_tool=PROGRAM - what snapshots say that changed holds all that did.

An origin is written, discarded, zeroed, trimmed, used by file systems, and cut off in the middle of
that; at each step the changes that were reported are compared with the truth, which is a copy of
the volume made beside it. Prints its seed and takes it back from EBB_TEST_SEED; EBB_GUEST_STEPS is
how many steps there are (default 6).
"""
import os
import re

import guest_case
import workload

# Mapped devices without LVM. There is no udev to make their nodes, but the kernel's own.
DM = """
dm_create() {
  dmsetup create "$1" --noudevsync --table "0 $(blockdev --getsz /dev/vg0/copy) $2"
  ln -sf "/dev/dm-$(dmsetup info -c --noheadings -o minor "$1" | tr -d ' ')" "/tmp/$1"
}
dm_remove() { dmsetup remove --noudevsync "$1"; }
"""
STEPS = int(os.environ.get("EBB_GUEST_STEPS", "6"))


class Changes(workload.Workload):
    disks = {"lvm": 320, "notes": 16}

    def make_volumes(self, kind: str) -> None:
        """The origin in the volume group, and room for a copy of it."""
        made = {"thick": "lvcreate -q -y -L 48M -n data vg0",
                "thin": "lvcreate -q -y --type thin-pool -L 160M -c 64K -n pool vg0\n"
                        "lvcreate -q -y -V 48M -T vg0/pool -n data"}[kind]
        self.check(f"mkfs.ext4 -q /dev/disk/notes\nvgcreate -q vg0 /dev/disk/lvm\n{made}\n"
                   "lvcreate -q -y -L 48M -n copy vg0")
        self.start_notes()

    def start_notes(self) -> None:
        self.check("mkdir -p /notes && mount /dev/disk/notes /notes")

    def start_again(self) -> None:
        self.boot()
        self.start_notes()
        self.check("vgchange -q -ay -K >/dev/null")

    def assert_none_missed(self, reported: str, now: str, where: str) -> None:
        """What `now` has and the copy has not is in what was reported."""
        said = self.check("sync; echo 3 > /proc/sys/vm/drop_caches\n"
                          f"cat > /tmp/changes <<'END'\n{reported.strip()}\nEND\n"
                          f"changes_tool missed /dev/vg0/copy {now} /tmp/changes || echo code=$?")
        print(f"{self.id()}: {where}: {said.strip()}", flush=True)
        self.assertNotIn("code=", said, where)

    def steps(self, device: str):
        """Each kind of step at least once, in an order of the seed."""
        kinds = [self.churn, self.use_files, self.crash]
        order = [kinds[i % 3] for i in range(STEPS)]
        self.chance.shuffle(order)
        for number, step in enumerate(order):
            yield f"step {number}: {step(device)}"

    # ---- thick ----------------------------------------------------------------------------------

    def take_thick(self, name: str) -> None:
        self.check(f"lvcreate -q -s -L 64M -n {name} vg0/data 2>&1\n"
                   # Whoever reads the table through the page cache now sees nothing else later.
                   f"cat /dev/mapper/vg0-{name}-cow > /dev/null")

    def copy(self, device: str) -> None:
        self.check(f"dd if={device} of=/dev/vg0/copy bs=1M conv=fsync 2>/dev/null")

    def test_a_thick_snapshots_table_holds_every_change(self) -> None:
        self.make_volumes("thick")
        self.take_thick("s0")
        self.copy("/dev/vg0/s0")
        for number, where in enumerate(self.steps("/dev/vg0/data")):
            # The new snapshot first, then the old one's table, then data of the new one.
            self.take_thick(f"s{number + 1}")
            self.quieten()
            reported = self.tool(f"thick /dev/vg0/s{number}")
            self.assert_none_missed(reported, f"/dev/vg0/s{number + 1}", where)
            self.check(f"lvremove -q -y vg0/s{number}")
            self.copy(f"/dev/vg0/s{number + 1}")

    def test_a_thick_snapshot_says_no_more_than_the_chunks_that_were_written(self) -> None:
        self.make_volumes("thick")
        for chunk in (4, 64):
            self.check(f"lvcreate -q -s -c {chunk}K -L 16M -n s vg0/data")
            self.assertEqual(self.tool("thick /dev/vg0/s"), "")
            self.check("for at in 3 4 700; do head -c 4096 /dev/urandom | "
                       "dd of=/dev/vg0/data bs=4k seek=$at conv=fsync 2>/dev/null; done")
            said = sorted(tuple(map(int, line.split())) for line in
                          self.tool("thick /dev/vg0/s").strip().split("\n"))
            wanted = {4: [(12288, 8192), (2867200, 4096)], 64: [(0, 65536), (2818048, 65536)]}
            self.assertEqual(said, wanted[chunk])
            self.check("lvremove -q -y vg0/s")

    def test_thick_snapshots_that_cannot_be_used_say_why(self) -> None:
        self.make_volumes("thick")
        self.check("lvcreate -q -s -L 4M -n s vg0/data")
        # More than the snapshot can hold.
        self.check("dd if=/dev/zero of=/dev/vg0/data bs=1M count=16 conv=fsync 2>/dev/null")
        self.assertRegex(self.tool("thick /dev/vg0/s", 1), "^lost: .*overflowed")
        # Of another kind.
        self.check("lvremove -q -y vg0/s; lvcreate -q -s -L 16M -n s vg0/data")
        self.assertRegex(self.tool("thick /dev/vg0/data", 1), "^mismatch: ")
        self.assertRegex(self.tool("thick /dev/vg0/copy", 1), "^mismatch: ")
        self.assertRegex(self.tool("thick /dev/disk/lvm", 1), "^absent: |^lost: |^invalid: ")
        # A snapshot on its way back into its origin.
        self.check(DM + """
            vgchange -q -an vg0 >/dev/null; lvchange -q -ay vg0/copy
            modprobe loop; truncate -s 4M /tmp/cow; losetup /dev/loop0 /tmp/cow
            dm_create merging "snapshot-merge /dev/vg0/copy /dev/loop0 P 8" """)
        self.assertRegex(self.tool("thick /tmp/merging", 1), "^busy: .*being merged")
        # A snapshot whose table goes with the power.
        self.check(DM + """
            dm_remove merging
            dm_create memory "snapshot /dev/vg0/copy /dev/loop0 N 8" """)
        self.assertRegex(self.tool("thick /tmp/memory", 1), "^invalid: .*keeps no table")
        # A table that was damaged on its disk, and one of a newer kernel.
        before = "memory"
        for at, wanted in ((8, "^invalid: .*version"), (12, "^damaged: .*not possible"),
                           (0, "^damaged: ")):
            self.check(DM + f"""
                dm_remove {before}
                dd if=/dev/zero of=/dev/loop0 bs=1M count=4 conv=fsync 2>/dev/null
                dm_create kept "snapshot /dev/vg0/copy /dev/loop0 P 8"
                printf '\\007' | dd of=/tmp/cow bs=1 seek={at} conv=notrunc 2>/dev/null""")
            self.assertRegex(self.tool("thick /tmp/kept", 1), wanted)
            before = "kept"

    # ---- thin -----------------------------------------------------------------------------------

    def take_thin(self, name: str) -> None:
        self.check(f"lvcreate -q -s -kn -n {name} vg0/data && lvchange -q -ay vg0/{name}")

    def pool_status(self) -> str:
        return self.check("dmsetup status vg0-pool-tpool")

    def assert_not_held(self) -> None:
        self.assertRegex(self.pool_status(), r"thin-pool \d+ \d+/\d+ \d+/\d+ - ")

    def test_thin_delta_holds_every_change(self) -> None:
        self.make_volumes("thin")
        self.take_thin("s0")
        self.copy("/dev/vg0/s0")
        for number, where in enumerate(self.steps("/dev/vg0/data")):
            self.take_thin(f"s{number + 1}")
            self.quieten()
            reported = self.tool(f"thin /dev/vg0/s{number} /dev/vg0/s{number + 1} /notes/held")
            self.assert_not_held()
            self.assert_none_missed(reported, f"/dev/vg0/s{number + 1}", where)
            self.check(f"lvremove -q -y vg0/s{number}")
            self.copy(f"/dev/vg0/s{number + 1}")

    def test_a_pools_metadata_snapshot_is_always_given_back(self) -> None:
        self.make_volumes("thin")
        self.take_thin("a")
        self.churn("/dev/vg0/data")
        self.take_thin("b")
        thin = "thin /dev/vg0/a /dev/vg0/b /notes/held"
        whole = self.tool(thin)
        self.assert_not_held()
        # Held by somebody else.
        self.check("dmsetup message vg0-pool-tpool 0 reserve_metadata_snap")
        self.assertRegex(self.tool(thin, 1), "^busy: somebody else holds")
        self.assertNotRegex(self.pool_status(), r"thin-pool \d+ \d+/\d+ \d+/\d+ - ")
        self.check("dmsetup message vg0-pool-tpool 0 release_metadata_snap")
        # By another of ours, which lives and then is killed.
        hold = ("changes_tool hold /dev/mapper/vg0-pool-tpool /notes/held > /tmp/hold 2>&1 &\n"
                "echo $! > /tmp/holder; until grep -q holding /tmp/hold; do usleep 10000; done")
        self.check(hold)
        self.assertRegex(self.tool(thin, 1), "^busy: another ebb")
        self.check("kill -9 $(cat /tmp/holder); usleep 100000")
        self.assertNotRegex(self.pool_status(), r"thin-pool \d+ \d+/\d+ \d+/\d+ - ")
        self.assertEqual(self.tool(thin), whole)
        self.assert_not_held()
        # A crash: the metadata snapshot is there after it, and ours.
        self.check(hold)
        self.guest.run("sync; echo b > /proc/sysrq-trigger; sleep 9")
        self.start_again()
        self.assertEqual(self.tool(thin), whole)
        self.assert_not_held()
        # A program that fails.
        self.check("mkdir /tmp/bad; printf '#!/bin/sh\\necho no luck >&2; exit 5\\n' > /tmp/bad/thin_delta\n"
                   "chmod +x /tmp/bad/thin_delta")
        said = self.guest.run(f"PATH=/tmp/bad:$PATH changes_tool {thin}")
        self.assertRegex(said.output, "^lost: thin_delta ended with exit code 5: no luck")
        self.assert_not_held()
        self.assertTrue(re.match(r"\d+ \d+\n", whole))


if __name__ == "__main__":
    guest_case.main()
