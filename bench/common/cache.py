# SPDX-License-Identifier: Apache-2.0
"""The page cache before a measurement: cold (nothing of it) or warm (all that will be read).

A loop device with direct I/O has no pages of its image in the cache, only its own; both are meant.
"""
import os
from typing import Iterable

KINDS = ("cold", "warm")


def make_cold() -> None:
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3\n")


def make_warm(paths: Iterable[str]) -> None:
    """Reads devices, files and folders, so that the next reader finds them in memory."""
    for path in paths:
        if not os.path.isdir(path):
            _read(path)
            continue
        for folder, _, names in os.walk(path):
            for name in names:
                _read(os.path.join(folder, name))


def prepare(kind: str, paths: Iterable[str]) -> None:
    make_cold()
    if kind == "warm":
        make_warm(paths)


def _read(path: str) -> None:
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
