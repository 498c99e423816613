# SPDX-License-Identifier: Apache-2.0
"""What the tests in a guest share: a folder that goes, a guest that is booted, ebb and a repository.

A test file defines cases below GuestCase and ends with main(). Exit code 77, with the reason, where
there can be no guest.
"""
import atexit
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import unittest
from typing import Any, Dict

from guest import Guest, GuestError, NoGuest, built

SEED = int(os.environ.get("EBB_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
PROGRAMS: Dict[str, str] = {}

# Of the shell in the guest: the repository is on a disk of its own, which /repo is.
EBB_WORDS = ("export EBB_REPO=/repo/r EBB_SOURCE_KEY=/repo/key EBB_PASSPHRASE_FILE=/repo/phrase\n")


class GuestCase(unittest.TestCase):
    """Each test has a machine of its own, booted, with the disks that it names (MiB)."""
    disks: Dict[str, int] = {"lvm": 256, "repo": 256}

    def setUp(self) -> None:
        self.chance = random.Random(SEED)
        self.folder = tempfile.mkdtemp(prefix="ebb-guest-test.", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.folder)
        atexit.register(shutil.rmtree, self.folder, True)  # unittest forgets it when interrupted.
        self.guest = Guest(self.folder, PROGRAMS, self.disks)
        self.addCleanup(self.guest.kill)
        self.boot()

    def boot(self) -> None:
        self.guest.boot()
        print(f"{self.id()}: booted in {self.guest.boot_seconds:.1f} s, "
              f"{self.guest.accelerator}", file=sys.stderr)

    def check(self, script: str, timeout: float = 900) -> str:
        return self.guest.check(EBB_WORDS + script, timeout)

    def ebb(self, arguments: str) -> Any:
        """`ebb ARGUMENTS --json`, which has to end well; what its last line says."""
        said = self.check(f"ebb {arguments} --json")
        try:
            return json.loads(said.strip().rsplit("\n", 1)[-1])
        except ValueError as error:
            raise GuestError(f"ebb {arguments} printed no JSON:\n{said}") from error

    def make_repository(self) -> None:
        self.check("mkfs.ext4 -q /dev/disk/repo && mkdir /repo && mount /dev/disk/repo /repo\n"
                   "echo 'correct horse' > /repo/phrase\nebb init /repo/r --json\nsync")

    def start_again(self) -> None:
        """After a crash or an orderly end: everything is there as it was."""
        self.boot()
        self.check("mkdir /repo && mount /dev/disk/repo /repo\nvgchange -q -ay >/dev/null")


def main() -> None:
    """TEST.py NAME=PROGRAM... [unittest's arguments]: programs by their names in the guest's /bin."""
    while len(sys.argv) > 1 and "=" in sys.argv[1]:
        name, path = sys.argv.pop(1).split("=", 1)
        PROGRAMS["/bin/" + name] = os.path.abspath(path)
    print(f"EBB_TEST_SEED={SEED}", file=sys.stderr)
    try:
        built()
    except NoGuest as why:
        print(f"no guest: {why}")
        sys.exit(77)
    # So that a test which is ended early removes its folder.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    unittest.main(verbosity=2)
