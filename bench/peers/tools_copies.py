# SPDX-License-Identifier: Apache-2.0
"""Peers that copy: dd, qemu-img, nbdcopy, and pipelines which compress and encrypt a stream.

Their store is one file for each backup, and a backup is always a full one.
"""
import os
from typing import Optional

from common.command import version_of
from peers.tool import (CHANGED, COPIES_ALL, FULL, IN_PLACE, NO_CHECKSUMS, RESTORE, REWRITES_ALL,
                        UNCHANGED, VERIFY, Command, Tool, World)

COPY_LACKS = {UNCHANGED: COPIES_ALL, CHANGED: COPIES_ALL, IN_PLACE: REWRITES_ALL}


class Copy(Tool):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._file = os.path.join(self.store, "full")
        # What turns a stream into something that may leave the house, and back. It hides, but
        # proves nothing: whoever can write the file can change what it will decrypt to.
        pass_file = f"-pass file:{world.passphrase_file} -pbkdf2"
        self.seal = f"openssl enc -aes-256-ctr {pass_file}"
        self.open = f"openssl enc -d -aes-256-ctr {pass_file}"


class Dd(Copy):
    name = "dd"
    label = "dd, direct, bs=4M"
    lacks = {**COPY_LACKS, VERIFY: NO_CHECKSUMS}

    def version(self) -> str:
        return version_of("dd", "--version")

    def command(self, step: str, device: Optional[str]) -> Optional[Command]:
        copy = ["dd", "bs=4M", "iflag=direct", "oflag=direct", "status=none"]
        if step == FULL:
            return copy + [f"if={device}", f"of={self._file}"]
        if step == RESTORE:
            return copy + [f"if={self._file}", f"of={device}"]
        return None


class QemuImg(Copy):
    name = "qemu-img"
    label = "qemu-img convert, raw"
    lacks = {**COPY_LACKS, VERIFY: NO_CHECKSUMS}

    def version(self) -> str:
        return version_of("qemu-img", "--version")

    def command(self, step: str, device: Optional[str]) -> Optional[Command]:
        # No cache on both ends, 16 requests in flight, in any order: its quickest way here.
        convert = ["qemu-img", "convert", "-f", "raw", "-O", "raw", "-T", "none", "-t", "none",
                   "-m", "16", "-W"]
        if step == FULL:
            return convert + [device, self._file]
        if step == RESTORE:
            return convert + ["-n", self._file, device]
        return None


class Nbdcopy(Copy):
    name = "nbdcopy"
    label = "nbdcopy"
    lacks = {**COPY_LACKS, VERIFY: NO_CHECKSUMS}

    def version(self) -> str:
        return version_of("nbdcopy", "--version")

    def command(self, step: str, device: Optional[str]) -> Optional[Command]:
        if step == FULL:
            return ["nbdcopy", device, self._file]
        if step == RESTORE:
            return ["nbdcopy", self._file, device]
        return None


class Pipeline(Copy):
    name = "pipeline"
    label = "dd, lz4, openssl aes-256-ctr"
    seals = True
    lacks = COPY_LACKS

    def version(self) -> str:
        return ", ".join((version_of("lz4", "--version"), version_of("openssl", "version")))

    def command(self, step: str, device: Optional[str]) -> Optional[Command]:
        if step == FULL:
            return (f"dd if={device} bs=4M iflag=direct status=none | lz4 -q -c | "
                    f"{self.seal} -out {self._file}")
        if step == VERIFY:
            return f"{self.open} -in {self._file} | lz4 -q -t"
        if step == RESTORE:
            return (f"{self.open} -in {self._file} | lz4 -q -d -c | "
                    f"dd of={device} bs=4M iflag=fullblock oflag=direct status=none")
        return None


class Partclone(Copy):
    name = "partclone"
    label = "partclone ext4, zstd -1, openssl"
    seals = True
    whole_disk = False
    lacks = COPY_LACKS

    def version(self) -> str:
        return ", ".join((version_of("partclone.ext4", "-v"), version_of("zstd", "--version")))

    def command(self, step: str, device: Optional[str]) -> Optional[Command]:
        log = f"-L {os.path.join(self.world.folder, 'partclone.log')}"
        read = f"{self.open} -in {self._file} | zstd -q -d -c"
        if step == FULL:
            return (f"partclone.ext4 -c -q {log} -s {device} -o - | zstd -q -1 -T0 -c | "
                    f"{self.seal} -out {self._file}")
        if step == VERIFY:
            return f"{read} | partclone.chkimg {log} -s -"
        if step == RESTORE:
            return f"{read} | partclone.ext4 -r -q {log} -s - -o {device}"
        return None
