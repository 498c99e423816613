# SPDX-License-Identifier: Apache-2.0
"""So many sources at once at one storage agent, which back up the same number of bytes together.

All start at the same moment. What counts is how long the last one takes, how far apart the first
and the last one end, and what the agent needs.
"""
import os
import shutil
import subprocess
import tempfile
import time
from typing import List

from common import cache
from common.command import CommandFailed
from wire.parties import UNIX, Reached
from wire.session import Session

PART = "sources"
CHUNK = 1 << 20


def measure_sources(session: Session, counts: List[int], total: int, rounds: int) -> None:
    for number in range(1, rounds + 1):
        for count in counts:
            folder = tempfile.mkdtemp(prefix="sources.", dir=session.work)
            try:
                _so_many(session, count, total, folder, number)
            finally:
                shutil.rmtree(folder)
        session.save()


def _so_many(session: Session, count: int, total: int, folder: str, number: int) -> None:
    made = [_image(os.path.join(folder, f"{one}.img"), total // count) for one in range(count)]
    runs = str(max(16, count))
    with Reached(UNIX, folder, session.ebb, "--runs", runs) as reached:
        with session.turn() as quiet:
            cache.make_cold()
            began = time.monotonic()
            taken = _all_at_once(reached, made)
            os.sync()
            seconds = time.monotonic() - began
        session.keep(PART, quiet, sources=count, size=total, round=number,
                     seconds=round(seconds, 3), shortest=round(min(taken), 3),
                     longest=round(max(taken), 3), **reached.agent_usage())


def _all_at_once(reached: Reached, made: List[str]) -> List[float]:
    """The seconds of each."""
    began = time.monotonic()
    running = [subprocess.Popen(reached.backup(image, os.path.basename(image)),
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                env=reached.environment) for image in made]
    left = {process.pid: process for process in running}
    taken = []
    try:
        while left:
            pid, status = os.wait()
            if pid not in left:
                continue
            process = left.pop(pid)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                raise CommandFailed(f"a backup ended with {process.returncode}")
            taken.append(time.monotonic() - began)
    finally:
        for process in left.values():
            process.kill()
            process.wait()
    return taken


def _image(path: str, size: int) -> str:
    """Of bytes that nobody has had before, so that all of it must move."""
    with open(path, "xb") as file:
        for _ in range(size // CHUNK):
            file.write(os.urandom(CHUNK))
        os.fsync(file.fileno())
    return path
