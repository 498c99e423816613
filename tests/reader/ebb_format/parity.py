# SPDX-License-Identifier: Apache-2.0
"""parity.py - the arithmetic of a pack's parity (pack.md, "Parity").

Multiplies and adds whole chunks in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1, and solves for one or
two lost ones. Knows nothing of files.
"""
from typing import List

COLUMNS = 65


def parity_chunk(data_chunks: int, row: int, stripe: int) -> int:
    return data_chunks + COLUMNS * row + (stripe - data_chunks) % COLUMNS


def gf_multiply(left: int, right: int) -> int:
    product = 0
    while right:
        product ^= left if right & 1 else 0
        left = left << 1 ^ (0x11D if left & 0x80 else 0)
        right >>= 1
    return product


def gf_inverse(value: int) -> int:
    return next(other for other in range(1, 256) if gf_multiply(value, other) == 1)


COEFFICIENTS = [[gf_inverse((64 + row) ^ position) for position in range(64)] for row in range(2)]


def coefficient(row: int, position: int) -> int:
    return COEFFICIENTS[row][position]


def times(factor: int, chunk: bytes) -> bytes:
    return chunk.translate(bytes(gf_multiply(factor, value) for value in range(256)))


def xor(left: bytes, right: bytes) -> bytes:
    total = int.from_bytes(left, "little") ^ int.from_bytes(right, "little")
    return total.to_bytes(len(left), "little")


def solve(rows: List[int], positions: List[int], sums: List[bytes]) -> List[bytes]:
    """The chunks at one or two positions whose sums by those rows are known."""
    if len(rows) == 1:
        return [times(gf_inverse(coefficient(rows[0], positions[0])), sums[0])]
    (a, b), (c, d) = [[coefficient(row, position) for position in positions] for row in rows]
    scale = gf_inverse(gf_multiply(a, d) ^ gf_multiply(b, c))
    return [times(scale, xor(times(d, sums[0]), times(b, sums[1]))),
            times(scale, xor(times(c, sums[0]), times(a, sums[1])))]
