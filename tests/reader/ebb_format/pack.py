# SPDX-License-Identifier: Apache-2.0
"""pack.py - one pack: tails, header, table, records, and mending it from its parity (pack.md).

CRCs of records are not looked at here, and chunks only when something is damaged: they are slow in
Python, and digests, seals and fingerprints say more. Needs no key.
"""
import dataclasses
import mmap
import os
import struct
from typing import List, Optional, Tuple

from .basics import Fields, Refused, crc64, require, round_up
from .parity import COLUMNS, coefficient, parity_chunk, solve, times, xor

CHUNK = 16384
BLOCK, PAGE, OBJECT = 1, 2, 3
MAX_BLOCK = 1 << 20
MAX_PAYLOAD = MAX_BLOCK + 1024


@dataclasses.dataclass
class Tail:
    use: int
    parity_rows: int
    data_chunks: int
    table_at: int
    record_count: int
    table_crc: int
    pack: bytes
    chunk_crcs: Tuple[int, ...]
    length: int

    def data_end(self) -> int:
        return CHUNK * self.data_chunks

    def pack_length(self) -> int:
        return self.data_end() + 2 * self.length + CHUNK * COLUMNS * self.parity_rows

    def chunk_at(self, chunk: int) -> int:
        return CHUNK * chunk + (self.length if chunk >= self.data_chunks else 0)


def parse_tail(data: bytes) -> Tail:
    """`data` is the whole tail."""
    fields = Fields(data, "a tail")
    require(fields.take(8) == b"EBBTAIL1", "a tail has another magic")
    version, use, rows = fields.number(2), fields.number(1), fields.number(1)
    require(crc64(data[:-8]) == int.from_bytes(data[-8:], "little"), "a tail's CRC is wrong")
    require(version == 1 and use in (1, 2), "a tail is of a newer ebb")
    chunks, table_at, count, table_crc = (fields.number(4), fields.number(4), fields.number(4),
                                          fields.number(8))
    pack, reserved = fields.take(16), fields.take(16)
    require(rows in (1, 2) and 1 <= chunks <= 4160 and count <= 32768 and not any(reserved) and
            128 <= table_at and table_at + 40 * count <= CHUNK * chunks, "a tail makes no sense")
    crcs = struct.unpack(f"<{chunks + COLUMNS * rows}Q", fields.take(8 * (chunks + COLUMNS * rows)))
    require(len(data) == round_up(fields.at + 16, 4096), "a tail's length is wrong")
    require(not any(fields.take(len(data) - 16 - fields.at)), "a tail's padding is not zero")
    require(fields.number(4) == len(data) and fields.take(4) == b"TAIL", "a tail's end is wrong")
    return Tail(use, rows, chunks, table_at, count, table_crc, pack, crcs, len(data))


def last_tail(data: memoryview) -> Tail:
    """The second tail of the pack that ends where `data` ends."""
    length = int.from_bytes(data[-16:-12], "little")
    require(0 < length <= min(49152, len(data)) and length % 4096 == 0, "a tail's length is wrong")
    return parse_tail(bytes(data[-length:]))


def first_tail(data: memoryview) -> Tail:
    """The first tail of the pack that begins where `data` begins."""
    for at in range(CHUNK, min(len(data), CHUNK * 4160) + 1, CHUNK):
        if data[at:at + 8] == b"EBBTAIL1":
            chunks, rows = int.from_bytes(data[at + 12:at + 16], "little"), data[at + 11]
            length = round_up(64 + 8 * (chunks + COLUMNS * rows) + 16, 4096)
            if chunks * CHUNK == at and length <= 49152:
                try:
                    return parse_tail(bytes(data[at:at + length]))
                except Refused:
                    continue
    raise Refused("neither tail is sound")


@dataclasses.dataclass
class Record:
    kind: int
    codec: int
    plain_length: int
    counter: int
    name: bytes
    payload: bytes


class Pack:
    """One pack. `data` is its bytes, from header to second tail."""

    def __init__(self, data: memoryview, tail: Tail, repo: bytes) -> None:
        require(len(data) == tail.pack_length(), "a pack's length is not what its tail says")
        self.data, self.tail, self.repo = data, tail, repo
        self.mended: Optional[bytearray] = None  # The data chunks, once parity was needed.
        try:
            self._read_header_and_table()
        except Refused:
            self.mend()
            self._read_header_and_table()

    def bytes_at(self, at: int, size: int) -> bytes:
        return bytes((self.mended or self.data)[at:at + size])

    def _read_header_and_table(self) -> None:
        header = self.bytes_at(0, 128)
        fields = Fields(header, "a pack's header")
        require(fields.take(8) == b"EBBPACK1", "a pack has another magic")
        require(crc64(header[:120]) == int.from_bytes(header[120:], "little"),
                "a pack's header has a wrong CRC")
        version, use = fields.number(2), fields.number(1)
        require(version == 1 and use in (1, 2), "a pack is of a newer ebb")
        require(not any(fields.take(5)) and not any(header[64:120]), "reserved bytes are not zero")
        require(fields.take(16) == self.repo, "a pack is of another repository")
        self.id, self.data_key_id = fields.take(16), fields.take(16)
        require(self.id == self.tail.pack and use == self.tail.use,
                "a pack's header and tail differ")
        table = self.bytes_at(self.tail.table_at, 40 * self.tail.record_count)
        require(crc64(table) == self.tail.table_crc, "a pack's table has a wrong CRC")
        self.places: List[Tuple[bytes, int, int]] = list(struct.iter_unpack("<32sII", table))
        end = 128
        for _, at, stored in self.places:
            require(at >= end, "a pack's table is not in order")
            end = at + 64 + stored
            require(stored <= MAX_PAYLOAD and end <= self.tail.table_at, "a table's entry is wrong")

    def record(self, name: bytes, at: int, stored: int) -> Record:
        """A record as its header tells it; neither CRC nor name are proven."""
        header = Fields(self.bytes_at(at, 64), "a record")
        require(header.take(4) == b"EBBR", "a record has another magic")
        kind, codec, zero = header.number(1), header.number(1), header.number(2)
        plain, length, counter = header.number(4), header.number(4), header.number(8)
        require(kind in (BLOCK, PAGE, OBJECT) and codec <= 2, "a record is of a newer ebb")
        require(zero == 0 and length == stored and header.take(32) == name,
                "a record is not what the table says")
        require(kind == BLOCK and 1 <= plain <= MAX_BLOCK or
                kind != BLOCK and plain == stored and codec == counter == 0,
                "a record's header makes no sense")
        return Record(kind, codec, plain, counter, name, self.bytes_at(at + 64, stored))

    def chunk(self, number: int) -> bytes:
        at = self.tail.chunk_at(number)
        return bytes(self.data[at:at + CHUNK])

    def damaged_chunks(self) -> List[int]:
        return [number for number, crc in enumerate(self.tail.chunk_crcs)
                if crc64(self.chunk(number)) != crc]

    def mend(self) -> None:
        """Solves for the damaged data chunks from the parity; refuses where it does not suffice."""
        damaged = set(self.damaged_chunks())
        self.mended = bytearray(self.data[:self.tail.data_end()])
        chunks = self.tail.data_chunks
        for stripe in {number % COLUMNS for number in damaged if number < chunks}:
            lost = [number for number in range(stripe, chunks, COLUMNS) if number in damaged]
            rows = [row for row in range(self.tail.parity_rows)
                    if parity_chunk(chunks, row, stripe) not in damaged][:len(lost)]
            require(len(rows) == len(lost), f"stripe {stripe} has lost more than parity can mend")
            sums = [xor(self.chunk(parity_chunk(chunks, row, stripe)),
                        self.parity_of(stripe, row, damaged)) for row in rows]
            solved = solve(rows, [number // COLUMNS for number in lost], sums)
            for number, chunk in zip(lost, solved):
                require(crc64(chunk) == self.tail.chunk_crcs[number],
                        "a mended chunk has a wrong CRC")
                self.mended[CHUNK * number:CHUNK * (number + 1)] = chunk

    def parity_of(self, stripe: int, row: int, leave_out=()) -> bytes:
        total = bytes(CHUNK)
        for number in range(stripe, self.tail.data_chunks, COLUMNS):
            if number not in leave_out:
                total = xor(total, times(coefficient(row, number // COLUMNS), self.chunk(number)))
        return total


def map_file(path: str) -> memoryview:
    with open(path, "rb") as file:
        require(os.fstat(file.fileno()).st_size > 0, f"{path} is empty")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def open_pack(path: str, repo: bytes) -> Pack:
    data = map_file(path)
    try:
        tail = last_tail(data)
    except Refused:
        tail = first_tail(data)
    pack = Pack(data, tail, repo)
    require(os.path.basename(path) == pack.id.hex() + ".pack",
            "a pack's id is not that of its name")
    require(tail.use == 1, "a pack in the repository is of another use")
    return pack
