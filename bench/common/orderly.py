# SPDX-License-Identifier: Apache-2.0
"""Ending in good order: signals become an exception, so that every `with` and `finally` runs.

Promises that a run which is interrupted ends with 128 + signal after it has cleaned up, and that a
second signal does not disturb the cleaning. Does not know what there is to clean.
"""
import contextlib
import fcntl
import os
import signal
import sys
from typing import Iterator, Optional

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def signals_end_the_run() -> None:
    def end(number, _frame):
        for one in SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        sys.exit(128 + number)

    for one in SIGNALS:
        signal.signal(one, end)


@contextlib.contextmanager
def held(lock_file: Optional[str]) -> Iterator[None]:
    """Holds an flock, so that nothing that takes the same lock runs beside what is measured."""
    if lock_file is None:
        yield
        return
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
