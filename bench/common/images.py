# SPDX-License-Identifier: Apache-2.0
"""Comparing images and devices, block by block."""
from typing import Dict, Optional, Sequence

PIECE = 1 << 20


def count_blocks(path: str, other: str, sizes: Sequence[int]) -> Dict[int, int]:
    """For each block size, how many blocks of one image differ from the other's."""
    counts = {size: 0 for size in sizes}
    with open(path, "rb", buffering=0) as one, open(other, "rb", buffering=0) as two:
        while True:
            a, b = one.read(PIECE), two.read(PIECE)
            if not a and not b:
                return counts
            if a == b:
                continue
            for size in sizes:
                counts[size] += sum(a[at:at + size] != b[at:at + size]
                                    for at in range(0, max(len(a), len(b)), size))


def used_bytes(path: str, block: int) -> int:
    """The bytes of all blocks that are not zero."""
    zero_piece, zero_block, total = bytes(PIECE), bytes(block), 0
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(PIECE):
            if piece != zero_piece:
                total += block * sum(piece[at:at + block] != zero_block
                                     for at in range(0, len(piece), block))
    return total


def first_difference(path: str, other: str) -> Optional[str]:
    """Nothing if both hold the same bytes, else where they begin to differ."""
    at = 0
    with open(path, "rb", buffering=0) as one, open(other, "rb", buffering=0) as two:
        while True:
            a, b = one.read(PIECE), two.read(PIECE)
            if a != b:
                within = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y),
                              min(len(a), len(b)))
                return f"differs from byte {at + within} on"
            if not a:
                return None
            at += len(a)
