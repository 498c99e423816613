# SPDX-License-Identifier: Apache-2.0
"""Memory and time on devices of terabytes with little data in them, scattered all over.

ext4 keeps no file above 16 TiB, so the images lie in an XFS of their own, itself a sparse image on
a loop device. It is mounted in this process's mount namespace, which run.sh makes.
"""
import os
from typing import Callable, Dict, List, Tuple

from common import cache
from common.command import run
from common.loop import LoopDevice, mounted
from common import scattered
from scale.session import Session, tell
from scale.store import Store

PART = "memory"
FIRST, UNCHANGED, CHANGED, VERIFY, SCRUB, RESTORE = STEPS = (
    "first", "unchanged", "changed", "verify", "scrub", "restore")
ROOM_BESIDE_DATA = 2 << 30  # Of the XFS: its own blocks and log.


def measure(session: Session, sizes: List[int], blocks: int, changed: int, limit: float) -> None:
    for size in sizes:
        _one_size(session, size, blocks, changed, limit)


def _one_size(session: Session, size: int, blocks: int, changed: int, limit: float) -> None:
    host, folder = os.path.join(session.work, "xfs.img"), os.path.join(session.work, "xfs")
    try:
        with open(host, "xb") as file:
            file.truncate(ROOM_BESIDE_DATA + 3 * (blocks + changed) * scattered.BLOCK)
        run("mkfs.xfs", "-q", host)
        with LoopDevice(host) as device, mounted(device.path, folder), session.store() as store:
            _steps(session, store, folder, size, blocks, changed, limit)
    finally:
        os.unlink(host)
        if os.path.isdir(folder):
            os.rmdir(folder)


def _steps(session: Session, store: Store, folder: str, size: int, blocks: int, changed: int,
           limit: float) -> None:
    image, target = os.path.join(folder, "volume.img"), os.path.join(folder, "restored.img")
    scattered.make(image, size, blocks, seed=1)
    fields = {"size": size, "blocks": blocks, "blocks_rewritten": changed,
              "version": store.version()}
    steps: List[Tuple[str, Callable[[], Dict[str, object]]]] = [
        (FIRST, lambda: store.backup(image, limit)),
        (UNCHANGED, lambda: store.backup(image, limit)),
        (CHANGED, lambda: store.backup(image, limit)),
        (VERIFY, lambda: store.verify(limit)),
        (SCRUB, lambda: store.scrub(limit)),
        (RESTORE, lambda: store.restore(target, limit)),
    ]
    for step, measured in steps:
        if step == CHANGED:
            scattered.change(image, changed, seed=2)
        with session.turn() as quiet:
            cache.make_cold()
            record = measured()
        if step == RESTORE and not record["ended_early"]:
            record["restored"] = _compared(image, target)
        session.keep(PART, step, record, quiet, fields)
        session.save()
        tell(record, f"memory, {size >> 40 or size / (1 << 40):g} TiB, {step}")


def _compared(image: str, other: str) -> str:
    """Compares the data of both sparse images; their holes are zero by what a hole is."""
    if os.path.getsize(image) != os.path.getsize(other):
        return "the size differs"
    with open(image, "rb", buffering=0) as one, open(other, "rb", buffering=0) as two:
        for begin, end in sorted([*_data_of(one.fileno()), *_data_of(two.fileno())]):
            for at in range(begin, end, 1 << 20):
                length = min(1 << 20, end - at)
                if os.pread(one.fileno(), length, at) != os.pread(two.fileno(), length, at):
                    return f"differs within 1 MiB from byte {at} on"
    return "same"


def _data_of(descriptor: int) -> List[Tuple[int, int]]:
    runs, at, size = [], 0, os.fstat(descriptor).st_size
    while at < size:
        try:
            begin = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError:
            break  # Nothing but a hole up to the end.
        at = os.lseek(descriptor, begin, os.SEEK_HOLE)
        runs.append((begin, at))
    return runs
