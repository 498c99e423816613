# SPDX-License-Identifier: Apache-2.0
"""What the three parts share: where to work, what goes into each record, and keeping it.

A part measures under the lock if it gets it soon; each record says whether it had it, and how busy
the machine was. Records are saved as they come, those of an earlier run of the same part and size
go then.
"""
import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from typing import Dict, Iterator, List, Optional

from common import machine, results
from common.measure import cores_busy
from scale.store import Store


class Session:
    def __init__(self, work: str, ebb: str, into: str, lock: Optional[str],
                 lock_wait: float = 0) -> None:
        self.work = work
        self.ebb = ebb
        self._into = into
        self._lock = lock
        self._lock_wait = lock_wait
        self._old = results.load(into) if os.path.exists(into) else []
        self.new: List[results.Record] = []
        self._about = {"benchmark": "scale", "session": machine.now(),
                       "machine": machine.describe(work)}

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        """A new repository, which goes away with everything beside it."""
        folder = tempfile.mkdtemp(prefix="store.", dir=self.work)
        try:
            yield Store(folder, self.ebb)
        finally:
            shutil.rmtree(folder)

    @contextlib.contextmanager
    def turn(self) -> Iterator[Dict[str, object]]:
        """The fields of a record which say how quiet it was; the lock is let go at the end."""
        if self._lock is None:
            yield {"alone": False, "cores_busy_before": round(cores_busy(0.3), 2)}
            return
        with open(self._lock, "a", encoding="ascii") as file:
            alone = _locked(file.fileno(), self._lock_wait)
            yield {"alone": alone, "cores_busy_before": round(cores_busy(0.3), 2)}

    def keep(self, part: str, step: str, *records: Dict[str, object], **fields: object) -> None:
        record: results.Record = {**self._about, "part": part, "step": step, "date": machine.now()}
        for more in records:
            record.update(more)
        record.update(fields)
        self.new.append(record)

    def save(self) -> None:
        results.save(self._into, results.merged(self._old, self.new, ("part", "kind", "size")))


def tell(record: Dict[str, object], words: str) -> None:
    end = "  ENDED EARLY" if record.get("ended_early") else ""
    print(f"{words:44} {record['seconds']:8.2f} s {record['cpu_seconds']:8.2f} CPU s "
          f"{record['peak_memory_bytes'] >> 20:5} MiB{end}", flush=True)


def _locked(descriptor: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
