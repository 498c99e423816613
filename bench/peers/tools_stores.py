# SPDX-License-Identifier: Apache-2.0
"""Peers with a store that holds each piece once: borg and restic, both encrypting.

They are called as their manuals say for a block device. What they restore goes to the device
through dd with direct I/O, which is quicker than the page cache.
"""
import os
from typing import Optional

from common.command import version_of, run
from peers.tool import BACKUPS, FULL, IN_PLACE, RESTORE, REWRITES_ALL, VERIFY, Command, Tool, World

TO_DEVICE = "dd of={} bs=4M iflag=fullblock oflag=direct status=none"


class Borg(Tool):
    name = "borg"
    label = "borg, lz4"
    seals = True
    lacks = {IN_PLACE: REWRITES_ALL}
    chunker = "buzhash,19,23,21,4095"  # Its default.

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.environment["BORG_BASE_DIR"] = os.path.join(world.folder, "borg")
        self.environment["BORG_PASSCOMMAND"] = f"cat {world.passphrase_file}"
        self.environment["BORG_REPO"] = self.store

    def version(self) -> str:
        return version_of("borg", "--version")

    def prepare(self) -> None:
        run("borg", "init", "--encryption=repokey", env=self.environment)

    def command(self, step: str, device: Optional[str]) -> Optional[Command]:
        if step in BACKUPS:
            return ["borg", "create", "--compression=lz4", f"--chunker-params={self.chunker}",
                    "--read-special", f"::{step}", device]
        if step == VERIFY:
            return ["borg", "check", "--verify-data"]
        if step == RESTORE:
            return f"borg extract --stdout ::{FULL} | {TO_DEVICE.format(device)}"
        return None


class BorgFixed(Borg):
    name = "borg-fixed"
    label = "borg, lz4, fixed 4 MiB chunks"
    chunker = "fixed,4194304"


class Restic(Tool):
    name = "restic"
    label = "restic, zstd auto"
    seals = True
    lacks = {IN_PLACE: REWRITES_ALL}

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.environment["RESTIC_PASSWORD_FILE"] = world.passphrase_file
        self.environment["RESTIC_REPOSITORY"] = self.store
        self.environment["RESTIC_CACHE_DIR"] = os.path.join(world.folder, "restic")

    def version(self) -> str:
        return version_of("restic", "version")

    def prepare(self) -> None:
        run("restic", "init", "--quiet", env=self.environment)

    def command(self, step: str, device: Optional[str]) -> Optional[Command]:
        if step in BACKUPS:
            return (f"dd if={device} bs=4M iflag=direct status=none | restic backup --quiet "
                    f"--stdin --stdin-filename volume --host bench --tag {step}")
        if step == VERIFY:
            return ["restic", "check", "--quiet", "--read-data"]
        if step == RESTORE:
            return (f"restic dump --quiet --tag {FULL} latest /volume | "
                    f"{TO_DEVICE.format(device)}")
        return None
