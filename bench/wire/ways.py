# SPDX-License-Identifier: Apache-2.0
"""The same backup and restore by each way to a repository, in turn, so that an hour that is slower
is slower for all of them."""
import os
import shutil
import tempfile

from common import cache, images, scattered
from common.measure import measure
from wire.parties import WAYS, Reached
from wire.session import Session

PART = "ways"
FULL, UNCHANGED, RESTORE = STEPS = ("full", "unchanged", "restore")


def measure_ways(session: Session, size: int, rounds: int) -> None:
    image = os.path.join(session.work, "volume.img")
    scattered.make(image, size, size // scattered.BLOCK, seed=1)  # Data everywhere.
    for number in range(1, rounds + 1):
        # Each way is the first one now and then.
        for way in WAYS[number % len(WAYS):] + WAYS[:number % len(WAYS)]:
            folder = tempfile.mkdtemp(prefix="way.", dir=session.work)
            try:
                _one_round(session, way, folder, image, number)
            finally:
                shutil.rmtree(folder)
        session.save()
    os.unlink(image)


def _one_round(session: Session, way: str, folder: str, image: str, number: int) -> None:
    target = os.path.join(folder, "restored.img")
    with Reached(way, folder, session.ebb) as reached:
        for step, command in ((FULL, reached.backup(image, "bench")),
                              (UNCHANGED, reached.backup(image, "bench")),
                              (RESTORE, reached.restore("bench", target))):
            with session.turn() as quiet:
                cache.make_cold()
                before = reached.agent_usage()
                measured = measure(command, environment=reached.environment, settle=os.sync)
                after = reached.agent_usage()
            session.keep(PART, quiet, way=way, step=step, round=number,
                         size=os.path.getsize(image), seconds=round(measured.wall_seconds, 3),
                         cpu_seconds=round(measured.cpu_seconds + after.get("agent_cpu_seconds", 0)
                                           - before.get("agent_cpu_seconds", 0), 3),
                         client_peak_bytes=measured.peak_memory_bytes,
                         agent_peak_bytes=after.get("agent_peak_bytes", 0))
        if number == 1:
            session.expect(images.first_difference(target, image) is None,
                           f"{way}: what was restored is something else")
