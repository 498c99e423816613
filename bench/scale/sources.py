# SPDX-License-Identifier: Apache-2.0
"""The cost of a backup that is told what changed, as the device grows and the change stays.

A loop device over a sparse image, tracked by `ebb track`. As many blocks change before each backup,
whatever the device's size: a hundredth of the smallest device. Beside it, on devices that a scan
gets through in time, the same change found by reading everything, taken in turn.
"""
import os
from typing import List

from common import cache, scattered
from common.command import run
from common.loop import LoopDevice
from scale.session import Session, tell

PART = "source"
FIRST, TRACKED, SCANNED = STEPS = ("first", "tracked", "scanned")
BEGINNING = "beginning"  # Read by itself after a scan, which leaves the tracker no proof.
MOST_TO_SCAN = 64 << 30


def measure(session: Session, sizes: List[int], blocks: int, rounds: int) -> None:
    changed = max(1, min(sizes) // scattered.BLOCK // 100)
    for size in sizes:
        image = os.path.join(session.work, "device.img")
        try:
            scattered.make(image, size, blocks, seed=1)
            with LoopDevice(image) as device:
                _one_size(session, device, size, changed, rounds)
        finally:
            os.unlink(image)
        session.save()


def _one_size(session: Session, device: LoopDevice, size: int, changed: int,
              rounds: int) -> None:
    with session.store() as store:
        def step(name: str, number: int, *options: str) -> None:
            with session.turn() as quiet:
                cache.make_cold()
                record = store.backup(device.path, options=options)
            session.keep(PART, name, record, quiet, kind="tracker", size=size, round=number,
                         blocks_rewritten=changed, version=store.version())
            tell(record, f"source, {size / (1 << 30):g} GiB, {name}")

        run(session.ebb, "track", "start", device.path)
        try:
            step(FIRST, 1)
            for number in range(1, rounds + 1):
                for name, options in ((TRACKED, ("--source", "tracker")),
                                      (SCANNED, ("--source", "scan"))):
                    if name == SCANNED and size > MOST_TO_SCAN:
                        continue
                    scattered.change(device.path, changed, 2 * number + (name == SCANNED), size)
                    device.settle()
                    step(name, number, *options)
                    if name == SCANNED:
                        step(BEGINNING, number)
        finally:
            run(session.ebb, "track", "stop", device.path)
