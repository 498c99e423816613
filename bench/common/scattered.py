# SPDX-License-Identifier: Apache-2.0
"""Sparse images with blocks of data scattered through them, the same ones for the same seed.

Half of the blocks can be compressed, half cannot. The first and the last block of an image always
hold data, so that its ends are met. Everything else is a hole, which costs nothing to keep; how
large an image may be is up to the file system below it.
"""
import os
import random
from typing import Iterable, Optional

BLOCK = 64 << 10
TEXT = b"".join(b"%-31d %031x\n" % (line, line * 7) for line in range(BLOCK // 64))


def make(path: str, size: int, count: int, seed: int) -> None:
    """An image of `size` bytes with `count` blocks of data."""
    chance = random.Random(seed)
    blocks = size // BLOCK
    places = {0, blocks - 1}
    while len(places) < min(count, blocks):
        places.add(chance.randrange(blocks))
    with open(path, "xb") as file:
        file.truncate(size)
        _write(file.fileno(), sorted(places), chance)


def make_full(path: str, size: int, seed: int) -> None:
    """An image without a hole and without a zero block; a quarter of it cannot be compressed."""
    chance = random.Random(seed)
    with open(path, "xb") as file:
        for block in range(size // BLOCK):
            file.write(_content(chance, random_one=block % 4 == 0))
        os.fsync(file.fileno())


def change(path: str, count: int, seed: int, size: Optional[int] = None) -> None:
    """Gives `count` blocks new content, wherever they are: in data or in holes. `size` is a device's."""
    chance = random.Random(seed)
    blocks = (size or os.path.getsize(path)) // BLOCK
    with open(path, "r+b") as file:
        _write(file.fileno(), sorted(chance.sample(range(blocks), min(count, blocks))), chance)


def _write(descriptor: int, places: Iterable[int], chance: random.Random) -> None:
    for number, place in enumerate(places):
        os.pwrite(descriptor, _content(chance, random_one=number % 2 == 0), place * BLOCK)
    os.fsync(descriptor)


def _content(chance: random.Random, random_one: bool) -> bytes:
    return chance.randbytes(BLOCK) if random_one else chance.randbytes(64) + TEXT[64:]
