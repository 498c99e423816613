# SPDX-License-Identifier: Apache-2.0
"""basics.py - how every part refuses, takes fields off bytes, and computes a CRC.

README.md ("Conventions") and objects.md ("CRC-64"). Knows no structure of the format.
"""
import struct

ZERO_NAME = bytes(32)


class Refused(Exception):
    """What was read is damaged, forged, of a newer version, or not there."""


def require(condition: bool, complaint: str) -> None:
    if not condition:
        raise Refused(complaint)


def round_up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


class Fields:
    """Takes fields off the front of bytes, and refuses to go past their end."""

    def __init__(self, data: bytes, what: str) -> None:
        self.data, self.at, self.what = data, 0, what

    def take(self, size: int) -> bytes:
        require(self.at + size <= len(self.data), f"{self.what} is too short")
        self.at += size
        return bytes(self.data[self.at - size:self.at])

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def sized(self, most: int) -> bytes:
        size = self.number(4)
        require(size <= most, f"{self.what} has a field that is too long")
        return self.take(size)

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.at)

    def end(self) -> None:
        require(self.at == len(self.data), f"{self.what} goes on after its last field")


def _crc_byte(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0xC96C5795D7870F42 if value & 1 else 0)
    return value


_CRC_OF_BYTE = [_crc_byte(value) for value in range(256)]
# Two bytes a step halve the time: this is the one slow thing here.
_CRC_OF_PAIR = [_CRC_OF_BYTE[(crc := _CRC_OF_BYTE[pair & 0xFF] ^ pair >> 8) & 0xFF] ^ crc >> 8
                for pair in range(65536)]


def crc64(*parts: bytes) -> int:
    """CRC-64/XZ of the parts, one after the other."""
    data = b"".join(parts)
    crc, table = (1 << 64) - 1, _CRC_OF_PAIR
    whole = len(data) & ~1
    for (pair,) in struct.iter_unpack("<H", memoryview(data)[:whole]):
        crc = table[(crc ^ pair) & 0xFFFF] ^ crc >> 16
    for byte in data[whole:]:
        crc = _CRC_OF_BYTE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ (1 << 64) - 1
