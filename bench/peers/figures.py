# SPDX-License-Identifier: Apache-2.0
"""What is asked of the records: medians by tool and step, the ceiling of a step, the best peer.

A ceiling is what the machine can do at most, measured in the same rounds: dd copying the device, or
fio reading or writing as many bytes as the step must.
"""
from typing import Dict, List, NamedTuple, Optional

from common import results
from common.results import Record, Spread
from peers.table import TOOLS
from peers.tool import BACKUPS, CHANGED, FULL, IN_PLACE, READ, RESTORE, UNCHANGED, VERIFY, WRITE

TITLES = {
    FULL: "Full backup",
    UNCHANGED: "Backup, nothing changed",
    CHANGED: "Backup, 1 % changed",
    RESTORE: "Restore to an empty device",
    IN_PLACE: "Restore in place, 1 % different",
    VERIFY: "Verify everything stored",
}


class Ceiling(NamedTuple):
    name: str
    told: str
    seconds: float


class Peer(NamedTuple):
    name: str
    seconds: float


class Figures:
    ADDING = BACKUPS

    def __init__(self, records: List[Record]) -> None:
        self._records = records

    def empty(self) -> bool:
        return not self._records

    def measured(self, tool: str) -> bool:
        return bool(results.matching(self._records, tool=tool))

    def tools(self, step: str) -> List[str]:
        """Those that took the step, the quickest first."""
        took = [name for name in TOOLS if self.seconds(name, step) is not None]
        return sorted(took, key=lambda name: self.seconds(name, step).median)

    def seconds(self, tool: str, step: str) -> Optional[Spread]:
        return self.spread(tool, step, "seconds")

    def spread(self, tool: str, step: str, field: str) -> Optional[Spread]:
        return results.spread(results.matching(self._records, tool=tool, step=step), field)

    def restored(self, step: str) -> Dict[str, str]:
        """What each tool's restored device was found to hold: "same", or where it differs."""
        return {name: str(record["restored"]) for name in TOOLS
                for record in results.matching(self._records, tool=name, step=step)
                if "restored" in record}

    def fastest_peer(self, step: str) -> Optional[Peer]:
        """The quickest tool but ebb whose store hides what it holds, as ebb's does."""
        for name in self.tools(step):
            if name != "ebb" and TOOLS[name].seals:
                return Peer(name, self.seconds(name, step).median)
        return None

    def ceiling(self, step: str) -> Optional[Ceiling]:
        if step == FULL:
            return self._of("dd", FULL, "dd", "dd copying the device to a file, direct, bs=4M")
        if step == RESTORE:
            return self._of("fio", WRITE, "fio write", "fio writing the whole device")
        if step in (UNCHANGED, CHANGED, IN_PLACE):
            return self._of("fio", READ, "fio read", "fio reading the whole device")
        return self._reading_the_store()

    def _of(self, tool: str, step: str, name: str, told: str) -> Optional[Ceiling]:
        seconds = self.seconds(tool, step)
        return Ceiling(name, told, seconds.median) if seconds is not None else None

    def _reading_the_store(self) -> Optional[Ceiling]:
        read, stored = self.seconds("fio", READ), self.spread("ebb", VERIFY, "stored_bytes")
        if read is None or stored is None:
            return None
        share = stored.median / self._records[0]["volume"]["bytes"]
        return Ceiling("fio read", "fio reading as many bytes as ebb has stored, at the rate at "
                       "which it reads the device", read.median * share)
