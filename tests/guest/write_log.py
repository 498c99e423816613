# SPDX-License-Identifier: Apache-2.0
"""What dm-log-writes recorded of a disk, and the disk as it was at any flush of it.

Format: the kernel's drivers/md/dm-log-writes.c and Documentation/admin-guide/device-mapper/
log-writes.rst. The log has every write that had completed before a flush ahead of that flush, so what
lies up to there is what a loss of power right then must leave.
"""
import struct
from typing import Iterator, List, NamedTuple

MAGIC, VERSION = 0x6A736677736872, 1
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
SECTOR = 512  # What sector numbers count, whatever the log's own sectors are.


class Entry(NamedTuple):
    at: int  # Bytes, on the disk.
    length: int
    flags: int
    data: int  # Where its bytes lie in the log.
    mark: str

    def is_durable_point(self) -> bool:
        return bool(self.flags & (FLUSH | FUA))


def entries(log: str) -> List[Entry]:
    return list(_entries(log))


def _entries(log: str) -> Iterator[Entry]:
    with open(log, "rb") as file:
        magic, version, count, size = struct.unpack("<QQQI", file.read(28))
        if magic != MAGIC or version != VERSION:
            raise ValueError("no log of dm-log-writes")
        place = size
        for _ in range(count):
            file.seek(place)
            sector, sectors, flags, text = struct.unpack("<QQQQ", file.read(32))
            mark = file.read(text).decode() if flags & MARK else ""
            place += size
            yield Entry(sector * SECTOR, sectors * SECTOR, flags, place, mark)
            if not flags & DISCARD:
                place += sectors * SECTOR


def replay(log: str, some: List[Entry], disk: str) -> None:
    """Does to the image what these entries did to the disk."""
    with open(log, "rb") as source, open(disk, "r+b") as target:
        for entry in some:
            target.seek(entry.at)
            if entry.flags & DISCARD:
                target.write(bytes(entry.length))  # Or anything else: nobody may rely on it.
            elif entry.length:
                source.seek(entry.data)
                target.write(source.read(entry.length))
