# SPDX-License-Identifier: Apache-2.0
"""What happens to a volume in a guest while it is backed up: it is written, discarded and zeroed, used
by file systems, and cut off in the middle of that. Each step is of the seed and says what it did.
"""
import guest_case


class Workload(guest_case.GuestCase):
    """Of tests that have changes_tool among their programs."""

    def tool(self, arguments: str, code: int = 0) -> str:
        said = self.guest.run(f"changes_tool {arguments}")
        self.assertEqual(said.code, code, f"changes_tool {arguments}\n{said.output}")
        return said.output

    def churn(self, device: str) -> str:
        times = self.chance.randrange(1, 40)
        self.tool(f"churn {device} {self.chance.getrandbits(32)} {times}")
        return f"{times} times churned"

    def use_files(self, device: str) -> str:
        """A file system is made or used, and stays mounted until the next step."""
        # XFS of less than 300 MB is for tests only, which it wants to be told.
        system, made = self.chance.choice([("ext4", "-F"), ("xfs", "-f --unsupported")])
        self.check(f"""
            mkfs.{system} -q {made} {device}
            mount -t {system} -o discard {device} /mnt
            cp -a /sbin /usr/sbin /mnt; head -c {self.chance.randrange(1, 4000000)} /dev/urandom > /mnt/n
            sync; rm -r /mnt/sbin; fstrim /mnt || true
            touch /run/busy
            (while [ -e /run/busy ]; do
              head -c 100000 /dev/urandom > /mnt/more; mv /mnt/more /mnt/n2
            done) >/dev/null 2>&1 &
            usleep {self.chance.randrange(0, 500)}000""")
        return f"{system} in use"

    def crash(self, device: str) -> str:
        """The machine goes down in the middle of writes, by itself or for want of power."""
        milliseconds = self.chance.randrange(100, 1500)
        churn = f"changes_tool churn {device} {self.chance.getrandbits(32)} 0"
        if self.chance.randrange(2):
            said = self.guest.run(f"{churn} & usleep {milliseconds}000\n"
                                  "echo b > /proc/sysrq-trigger; sleep 9")
            self.assertTrue(said.crashed)
        else:
            self.check(f"{churn} >/dev/null 2>&1 &\nusleep {milliseconds}000")
            self.guest.kill()
        self.start_again()
        return f"crashed after {milliseconds} ms"

    def quieten(self) -> None:
        """Whoever writes files ends; the file system goes."""
        self.check("rm -f /run/busy\n"
                   "while grep -q ' /mnt ' /proc/mounts; do umount /mnt 2>/dev/null || usleep 100000; done")
