# SPDX-License-Identifier: Apache-2.0
"""Ending in good order: signals become an exception, so that every `with` and `finally` runs.

Promises that a run which is interrupted ends with 128 + signal after it has cleaned up, and that a
second signal does not disturb the cleaning. Does not know what there is to clean.
"""
import fcntl
import os
import signal
import sys
import time
from typing import Optional

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def signals_end_the_run() -> None:
    def end(number, _frame):
        for one in SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        sys.exit(128 + number)

    for one in SIGNALS:
        # nohup means it. (An ignored SIGINT only means that a shell started this beside itself.)
        if one != signal.SIGHUP or signal.getsignal(one) != signal.SIG_IGN:
            signal.signal(one, end)


class Turn:
    """An flock that is held while something is measured, so that nothing that takes it runs beside.

    Kept from one measurement to the next, but not for ever: give_way() lets the others go ahead
    once it has been held for the time given. Without a file it does nothing.
    """

    def __init__(self, lock_file: Optional[str], seconds: float) -> None:
        self._file = lock_file
        self._seconds = seconds
        self._since = 0.0
        self._descriptor = -1

    def __enter__(self) -> "Turn":
        return self

    def __exit__(self, *_) -> None:
        self._release()

    def take(self) -> None:
        if self._file is None or self._descriptor >= 0:
            return
        self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self._since = time.monotonic()

    def give_way(self) -> None:
        if time.monotonic() - self._since > self._seconds:
            self._release()

    def _release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
