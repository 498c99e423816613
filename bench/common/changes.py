# SPDX-License-Identifier: Apache-2.0
"""A day's work on a mounted file system: rewritten, appended, new and deleted files, and writes
of 4 KiB inside of large ones.

Changes about as many 4 KiB blocks as it is told to, the same ones for the same seed. What ext4
changes besides (inodes, bitmaps, journal) comes on top, as it does in life.
"""
import os
import random
from typing import List

BLOCK = 4096
LARGE = 1 << 20
TOGETHER = 25  # Files that lie side by side change together, as those of one package do.


def make(root: str, seed: int, blocks: int) -> None:
    chance = random.Random(seed + 1)
    small, large = _files(root)
    small = _shuffled_in_runs(small, chance)
    _delete(small, len(small) // 300)
    _rewrite(small, chance, int(blocks * 0.50))
    _append(small, int(blocks * 0.05))
    _write_inside(large, chance, int(blocks * 0.15))
    _add(os.path.join(root, "new"), chance, int(blocks * 0.10))
    os.sync()


def _files(root: str) -> tuple:
    small: List[str] = []
    large: List[str] = []
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                (large if os.path.getsize(path) >= LARGE else small).append(path)
    return small, large


def _shuffled_in_runs(files: List[str], chance: random.Random) -> List[str]:
    runs = [files[at:at + TOGETHER] for at in range(0, len(files), TOGETHER)]
    chance.shuffle(runs)
    return [path for run in runs for path in run]


def _delete(files: List[str], count: int) -> None:
    for _ in range(count):
        os.unlink(files.pop())


def _rewrite(files: List[str], chance: random.Random, blocks: int) -> None:
    """As an upgrade does it: a new file, mostly the same inside, takes the old one's name."""
    while blocks > 0 and files:
        path = files.pop()
        with open(path, "rb") as file:
            data = bytearray(file.read())
        at = chance.randrange(len(data) + 1)
        data[at:at + 1000] = b"changed by an upgrade\n" * chance.randrange(1, 60)
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.replace(path + ".new", path)
        blocks -= (len(data) + BLOCK - 1) // BLOCK


def _append(files: List[str], count: int) -> None:
    for _ in range(min(count, len(files))):
        with open(files.pop(), "ab") as file:
            file.write(b"a line that a log got\n" * 5)


def _write_inside(files: List[str], chance: random.Random, count: int) -> None:
    for _ in range(count if files else 0):
        path = chance.choice(files)
        with open(path, "r+b") as file:
            file.seek(chance.randrange(os.path.getsize(path) // BLOCK) * BLOCK)
            file.write(chance.randbytes(BLOCK))


def _add(folder: str, chance: random.Random, blocks: int) -> None:
    os.mkdir(folder)
    while blocks > 0:
        take = min(blocks, chance.randrange(1, 64))
        with open(os.path.join(folder, f"{blocks}"), "wb") as file:
            for line in range(take * BLOCK // 64):
                file.write(b"%-31d %031x\n" % (line, chance.getrandbits(64)))
        blocks -= take
