# SPDX-License-Identifier: Apache-2.0
"""The cost of a backup as the volume grows, with the same number of blocks changed each time.

Sparse volumes hold the same data whatever their size, so only what ebb does for each block of the
device is left to grow. Full ones must be read to their end by any scan; fio reading the same file
in the same round says what that costs. Unchanged and changed backups are taken in turn.
"""
import json
import os
from typing import List

from common import cache
from common.command import run
from common import scattered
from scale.session import Session, tell

PART = "volume"
SPARSE, FULL = KINDS = ("sparse", "full")
FIRST, UNCHANGED, CHANGED, READ = "first", "unchanged", "changed", "read"


def measure(session: Session, kind: str, sizes: List[int], blocks: int, changed: int,
            rounds: int) -> None:
    for size in sizes:
        image = os.path.join(session.work, "volume.img")
        try:
            if kind == SPARSE:
                scattered.make(image, size, blocks, seed=1)
            else:
                scattered.make_full(image, size, seed=1)
            _one_size(session, kind, image, size, changed, rounds)
        finally:
            os.unlink(image)
        session.save()


def _one_size(session: Session, kind: str, image: str, size: int, changed: int,
              rounds: int) -> None:
    with session.store() as store:
        def step(name: str, number: int, measured) -> None:
            with session.turn() as quiet:
                cache.make_cold()
                record = measured()
            session.keep(PART, name, record, quiet, kind=kind, size=size, round=number,
                         blocks_rewritten=changed, data_bytes=os.stat(image).st_blocks * 512,
                         version=store.version())
            if "peak_memory_bytes" in record:
                tell(record, f"volume, {kind}, {size / (1 << 30):g} GiB, {name}")

        step(FIRST, 1, lambda: store.backup(image))
        for number in range(1, rounds + 1):
            if kind == FULL:
                step(READ, number, lambda: _fio(image))
            step(UNCHANGED, number, lambda: store.backup(image))
            scattered.change(image, changed, seed=number + 1)
            step(CHANGED, number, lambda: store.backup(image))


def _fio(image: str) -> dict:
    said = run("fio", "--name=read", f"--filename={image}", "--rw=read", "--bs=1M", "--readonly",
               "--ioengine=io_uring", "--iodepth=32", "--direct=1", "--output-format=json")
    # It may print warnings before the JSON.
    job = json.loads(said[said.index("{"):])["jobs"][0]
    return {"seconds": job["job_runtime"] / 1000}
