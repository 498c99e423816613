# SPDX-License-Identifier: Apache-2.0
"""What the parts share: where to work, what goes into each record, and keeping it."""
import contextlib
import os
from typing import Dict, Iterator, List, Optional

from common import machine, orderly, results
from common.command import CommandFailed, version_of
from common.measure import cores_busy


class Session:
    def __init__(self, work: str, ebb: str, into: str, lock: Optional[str]) -> None:
        self.work = work
        self.ebb = ebb
        self._into = into
        self._lock = lock
        self._old = results.load(into) if os.path.exists(into) else []
        self._new: List[results.Record] = []
        self._about = {"benchmark": "wire", "session": machine.now(),
                       "machine": machine.describe(work), "version": version_of(ebb, "--version")}

    @contextlib.contextmanager
    def turn(self) -> Iterator[Dict[str, object]]:
        """The fields of a record which say how quiet it was."""
        with orderly.Turn(self._lock, 0) as turn:
            turn.take()
            yield {"alone": self._lock is not None, "cores_busy_before": round(cores_busy(0.3), 2)}

    def keep(self, part: str, *records: Dict[str, object], **fields: object) -> None:
        record: results.Record = {**self._about, "part": part, "date": machine.now()}
        for more in records:
            record.update(more)
        record.update(fields)
        self._new.append(record)
        print(" ".join(f"{name}={fields[name]}" for name in fields), flush=True)

    def save(self) -> None:
        results.save(self._into, results.merged(self._old, self._new, ("part",)))

    @staticmethod
    def expect(is_so: bool, otherwise: str) -> None:
        if not is_so:
            raise CommandFailed(otherwise)
