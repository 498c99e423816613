# SPDX-License-Identifier: Apache-2.0
"""A repository of ebb's own, and how each command over it is called and measured.

Everything of it (keys, journals, the repository) is below one folder. A command that takes longer
than it is given is ended by SIGINT and recorded as such, with its seconds and memory until then.
"""
import json
import os
import secrets
from typing import Dict, List, Optional, Sequence

from common.command import run, version_of
from common.measure import Measurement, disk_bytes, measure

ENDED_EARLY = 124  # What timeout(1) says of a program that it ended.


class Store:
    def __init__(self, folder: str, ebb: str) -> None:
        self.folder = folder
        self.path = os.path.join(folder, "repository")
        self._ebb = ebb
        passphrase_file = os.path.join(folder, "passphrase")
        with open(passphrase_file, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(18))
        key = os.path.join(folder, "source.key")
        self._environment = dict(os.environ, LC_ALL="C.UTF-8", HOME=folder, EBB_REPO=self.path,
                                 EBB_PASSPHRASE_FILE=passphrase_file, EBB_SOURCE_KEY=key)
        run(ebb, "init", self.path, "--passphrase-file", passphrase_file, "--source-key", key,
            "--quiet")

    def version(self) -> str:
        return version_of(self._ebb, "--version")

    def bytes(self) -> int:
        return disk_bytes(self.path)

    def backup(self, image: str, limit: Optional[float] = None,
               options: Sequence[str] = ()) -> Dict[str, object]:
        before = self.bytes()
        record = self._measured(["backup", image, "--volume", "bench", *options], limit)
        record["added_bytes"] = self.bytes() - before
        return record

    def verify(self, limit: Optional[float] = None) -> Dict[str, object]:
        return self._measured(["verify", "bench@latest"], limit)

    def scrub(self, limit: Optional[float] = None) -> Dict[str, object]:
        return self._measured(["scrub"], limit)

    def points(self) -> Dict[str, object]:
        return self._measured(["points", "--json"], None, quiet=False)

    def restore(self, target: str, limit: Optional[float] = None) -> Dict[str, object]:
        """To a new image; whoever asked removes it."""
        journal = os.path.join(self.folder, "journal")
        return self._measured(["restore", "bench@latest", target, "--yes", "--journal", journal],
                              limit)

    def _measured(self, arguments: List[str], limit: Optional[float],
                  quiet: bool = True) -> Dict[str, object]:
        command = [self._ebb, *arguments] + (["--quiet", "--json"] if quiet else [])
        if limit is None:
            measured = measure(command, environment=self._environment, settle=os.sync)
        else:
            measured = measure(["timeout", "--signal=INT", f"{limit:g}", *command],
                               environment=self._environment, settle=os.sync,
                               accept=(0, ENDED_EARLY))
        return _record(measured)


def _record(measured: Measurement) -> Dict[str, object]:
    record: Dict[str, object] = {
        "seconds": round(measured.wall_seconds, 3),
        "cpu_seconds": round(measured.cpu_seconds, 3),
        "machine_cpu_seconds": round(measured.machine_cpu_seconds, 3),
        "peak_memory_bytes": measured.peak_memory_bytes,
        "ended_early": not measured.output.strip(),
    }
    if not record["ended_early"]:
        said = json.loads(measured.output.strip().splitlines()[-1])
        if isinstance(said, dict):
            record.update({f"ebb_{name}": said[name] for name in
                           ("seconds", "bytes_read", "bytes_stored", "blocks_changed",
                            "blocks_shipped") if name in said})
    return record
