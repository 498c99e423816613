# SPDX-License-Identifier: Apache-2.0
"""ebb itself, by its command line, with its defaults."""
import json
import os
from typing import Dict, Optional

from common.command import version_of, run
from peers.tool import (CHANGED, FULL, IN_PLACE, RESTORE, UNCHANGED, VERIFY, Command, Tool,
                        World)


class Ebb(Tool):
    name = "ebb"
    label = "ebb"
    seals = True

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._key = os.path.join(world.folder, "source.key")
        self._points: Dict[str, str] = {}
        # Journals and states of one's own, so that nothing of the machine's is used or left.
        self.environment["EBB_PASSPHRASE_FILE"] = world.passphrase_file
        self.environment["EBB_SOURCE_KEY"] = self._key
        self.environment["EBB_REPO"] = self.store

    def version(self) -> str:
        return version_of(self.world.ebb, "--version")

    def prepare(self) -> None:
        run(self.world.ebb, "init", self.store, "--passphrase-file", self.world.passphrase_file,
            "--source-key", self._key, "--quiet")

    def command(self, step: str, device: Optional[str]) -> Optional[Command]:
        ebb, journal = self.world.ebb, os.path.join(self.world.folder, "journal")
        restore = [ebb, "restore", self._points.get(FULL, ""), device, "--yes", "--quiet",
                   "--journal", journal]
        return {
            FULL: lambda: self._backup(device),
            UNCHANGED: lambda: self._backup(device),
            CHANGED: lambda: self._backup(device),
            VERIFY: lambda: [ebb, "verify", "--quiet"],
            RESTORE: lambda: restore,
            IN_PLACE: lambda: restore + ["--in-place"],
        }.get(step, lambda: None)()

    def took(self, step: str, output: str) -> Optional[float]:
        if step in (FULL, UNCHANGED, CHANGED):
            self._points[step] = json.loads(output.strip().splitlines()[-1])["point"]
        return None

    def _backup(self, device: Optional[str]) -> Command:
        return [self.world.ebb, "backup", device, "--volume", "bench", "--quiet", "--json"]
