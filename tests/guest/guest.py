# SPDX-License-Identifier: Apache-2.0
"""A real Linux in an emulated machine, for tests: scripts go in, what they say and their exit code
come out, and the machine can lose power at any time and go on with the same disks.

    with Guest(folder, {"/bin/ebb": EBB}, {"lvm": 256, "repo": 256}) as guest:   # MiB
        guest.check("vgcreate vg0 /dev/disk/lvm && lvcreate -L 64M -n data vg0")
        guest.run("ebb backup ... & sleep 1; echo b > /proc/sysrq-trigger")  # .crashed is true
        guest.boot()

It boots in two or three seconds from memory; nothing but the disks outlives a boot. Disks are sparse
files in the folder, seen as /dev/disk/NAME. The host's page cache outlives the machine: what the guest
has written is there after a crash, what it had not yet is not. EBB_GUEST_SHOW=1 shows each script.
"""
import dataclasses
import functools
import os
import secrets
import socket
import subprocess
import sys
import time
from typing import Dict, List, Optional

from cpio import programs as archive_of

HERE = os.path.dirname(os.path.abspath(__file__))
QEMU = "qemu-system-x86_64"
KERNEL_WORDS = ("console=ttyS0 quiet panic=-1 oops=panic mitigations=off random.trust_cpu=on "
                "cryptomgr.notests nokaslr")


class GuestError(Exception):
    """The guest did not do what a test needs of it; with what it said."""


class NoGuest(Exception):
    """There can be no guest here, and why."""


@dataclasses.dataclass
class Said:
    """How a script ended."""
    output: str
    code: Optional[int]  # None: the machine went away.

    @property
    def crashed(self) -> bool:
        return self.code is None


@functools.lru_cache(maxsize=None)
def built() -> str:
    """The folder with the kernel and the base image. One for all tests of a process."""
    done = subprocess.run([os.path.join(HERE, "build.sh")], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode == 77:
        raise NoGuest(done.stdout.strip())
    if done.returncode != 0:
        raise GuestError(f"build.sh ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def machine(image: str, initrd: str, words: str, *more: str, accelerator: str) -> List[str]:
    # However its test ends, also by SIGKILL, the machine ends with it.
    return ["setpriv", "--pdeathsig", "KILL", QEMU, "-M", "pc", "-accel", accelerator, "-cpu", "max", "-smp", "1", "-m", "1024",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", os.path.join(image, "vmlinuz"), "-initrd", initrd,
            "-append", f"{KERNEL_WORDS} {words}", *more]


def accelerator(image: str) -> str:
    """kvm where a guest really runs with it, which is tried once for each image; else tcg."""
    kept = os.path.join(image, "accelerator")
    if os.path.exists(kept):
        with open(kept, encoding="ascii") as file:
            return file.read()
    answer = "tcg"
    if os.access("/dev/kvm", os.R_OK | os.W_OK):
        command = machine(image, os.path.join(image, "base.cpio"), "rdinit=/bin/busybox -- poweroff -f",
                          accelerator="kvm")
        try:
            tried = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                   timeout=15, check=False)
            answer = "kvm" if tried.returncode == 0 else "tcg"
        except subprocess.TimeoutExpired:
            pass  # There is a /dev/kvm that runs no guest.
    temporary = f"{kept}.{os.getpid()}"
    with open(temporary, "w", encoding="ascii") as file:
        file.write(answer)
    os.rename(temporary, kept)
    return answer


class Guest:
    """Use as a context manager: the machine ends with the block, the folder is its owner's."""

    def __init__(self, folder: str, programs: Dict[str, str], disks: Dict[str, int]) -> None:
        try:
            subprocess.run([QEMU, "--version"], stdout=subprocess.DEVNULL, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise NoGuest(f"{QEMU} does not run here: {error}") from error
        self.folder = folder
        self.image = built()
        self.accelerator = accelerator(self.image)
        self.boots = 0
        self._qemu: Optional[subprocess.Popen] = None
        self._port: Optional[socket.socket] = None
        self._pending = b""
        self._initrd = os.path.join(folder, "initrd")
        with open(os.path.join(self.image, "base.files"), encoding="utf-8") as file:
            there = set(file.read().split("\n"))
        with open(os.path.join(self.image, "base.cpio"), "rb") as file:
            base = file.read()
        with open(self._initrd, "wb") as file:
            file.write(base + bytes(-len(base) % 512) + archive_of(programs, there))
        self.disks = {name: os.path.join(folder, f"{name}.disk") for name in disks}
        for name, mib in disks.items():
            with open(self.disks[name], "ab") as file:
                file.truncate(mib << 20)

    def __enter__(self) -> "Guest":
        self.boot()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def boot(self) -> None:
        """From nothing: the machine was never on, or crashed, or was killed."""
        self.kill()
        self.boots += 1
        self.console_path = os.path.join(self.folder, f"console.{self.boots}")
        ours, theirs = socket.socketpair()
        more = ["-serial", f"file:{self.console_path}", "-device", "virtio-serial-pci",
                "-chardev", f"socket,id=port,fd={theirs.fileno()}",
                "-device", "virtserialport,chardev=port,name=ebb"]
        for name, path in self.disks.items():
            more += ["-drive", f"if=none,id={name},format=raw,cache=unsafe,discard=unmap,file={path}",
                     "-device", f"virtio-blk-pci,drive={name},serial={name}"]
        began = time.monotonic()
        with open(os.path.join(self.folder, "qemu.said"), "wb") as said:
            self._qemu = subprocess.Popen(
                machine(self.image, self._initrd, "", *more, accelerator=self.accelerator),
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, pass_fds=[theirs.fileno()])
        theirs.close()
        self._port, self._pending = ours, b""
        if self._line(180) != b"ready":
            raise GuestError(f"the guest does not boot:\n{self.console()}")
        self.boot_seconds = time.monotonic() - began

    def run(self, script: str, timeout: float = 900) -> Said:
        """Runs a script of busybox's shell, from / and with nothing on its standard input."""
        if self._port is None:
            raise GuestError("the guest is not running")
        word = secrets.token_hex(8)
        body = script.encode()
        end = time.monotonic() + timeout
        output: List[bytes] = []
        code: Optional[int] = None
        try:
            self._port.settimeout(timeout)
            self._port.sendall(f"{len(body)} {word}\n".encode() + body)
            while True:
                line = self._line(end - time.monotonic())
                if line is None:
                    self.kill()
                    break
                if line.startswith(word.encode() + b" "):
                    code = int(line.split()[1])
                    # The line break before the word is the protocol's.
                    break
                output.append(line)
        except (BrokenPipeError, ConnectionResetError):
            self.kill()
        except TimeoutError as error:
            said = b"\n".join(output).decode(errors="replace")
            raise GuestError(f"no end after {timeout} s of:\n{script}\n{said}\n{self.console()}") from error
        if code is not None and output and not output[-1]:
            output.pop()
        said = Said(b"\n".join(output).decode(errors="replace"), code)
        if os.environ.get("EBB_GUEST_SHOW"):
            print(f"--- {script}\n{said.output}\n--- {said.code}", file=sys.stderr)
        return said

    def check(self, script: str, timeout: float = 900) -> str:
        """As run(), and stops at the first command that fails, which is a GuestError."""
        said = self.run(f"set -e\n{script}\n", timeout)
        if said.code != 0:
            raise GuestError(f"exit code {said.code} of:\n{script}\n{said.output}\n{self.console()}")
        return said.output

    def kill(self) -> None:
        """The power goes, whatever the machine is doing."""
        if self._port is not None:
            self._port.close()
            self._port = None
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait()
            self._qemu = None

    def power_off(self) -> None:
        """In order: what was written is on the disks, volume groups are closed."""
        self.run("umount -a -r; vgchange -an; sync; poweroff -f")
        self.kill()

    def console(self) -> str:
        """The end of what the kernel, and qemu, said."""
        text = ""
        for path in (os.path.join(self.folder, "qemu.said"), self.console_path):
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += file.read()[-4000:]
        return text

    def _line(self, timeout: float) -> Optional[bytes]:
        """The next line; none when the machine has gone."""
        assert self._port is not None
        end = time.monotonic() + timeout
        while b"\n" not in self._pending:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._port.settimeout(left)
            try:
                more = self._port.recv(1 << 16)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self._pending += more
        line, self._pending = self._pending.split(b"\n", 1)
        return line
