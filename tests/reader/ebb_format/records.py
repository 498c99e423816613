# SPDX-License-Identifier: Apache-2.0
"""records.py - finds pages and blocks by name in many packs, and proves them (pack.md).

What comes out has the digest or the fingerprint that was asked for.
"""
import hashlib
from typing import Callable, Dict, List, Tuple

import lz4.block
import zstandard

from .basics import Refused, require
from .keys import DataKeys, Keyring, fingerprint_of, gcm_open, u64
from .pack import BLOCK, PAGE, Pack, Record

def unpack(record: Record, data_key: bytes, keyring: Keyring) -> bytes:
    """Opens a block record and proves its fingerprint."""
    aad = (keyring.repo + record.name + record.plain_length.to_bytes(4, "little") +
           bytes([record.codec, record.kind]))
    packed = gcm_open(data_key, bytes(4) + u64(record.counter), record.payload, aad, "a block")
    try:
        if record.codec == 1:
            packed = lz4.block.decompress(packed, uncompressed_size=record.plain_length)
        elif record.codec == 2:
            length = record.plain_length
            require(zstandard.frame_content_size(packed) <= length, "a block is too long")
            packed = zstandard.ZstdDecompressor().decompress(packed, max_output_size=length)
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
        raise Refused(f"a block does not unpack: {error}") from None
    require(len(packed) == record.plain_length, "a block does not have its length")
    require(fingerprint_of(keyring.id_key, packed) == record.name, "a block's fingerprint is wrong")
    return packed


class Packs:
    """Finds and proves records in several packs; mends a pack when a record in it is damaged."""

    def __init__(self, packs: List[Pack], data_keys: DataKeys,
                 data_key_of: Callable[[Pack, bytes], bytes]) -> None:
        self.data_keys, self.data_key_of = data_keys, data_key_of
        self.places: Dict[bytes, List[Tuple[Pack, int, int]]] = {}
        for pack in packs:
            for name, at, stored in pack.places:
                self.places.setdefault(name, []).append((pack, at, stored))

    def page(self, name: bytes) -> bytes:
        def prove(_: Pack, record: Record) -> bytes:
            require(record.kind == PAGE, "a page's record is of another kind")
            require(hashlib.sha256(record.payload).digest() == name, "a page has another digest")
            return record.payload
        return self._first_sound(name, prove)

    def block(self, name: bytes, length: int) -> bytes:
        def prove(pack: Pack, record: Record) -> bytes:
            require(record.kind == BLOCK, "a block's record is of another kind")
            require(record.plain_length == length, "a block does not have the length of its place")
            key = self.data_keys.of(self.data_key_of(pack, name))
            return unpack(record, key, self.data_keys.keyring)
        return self._first_sound(name, prove)

    def _first_sound(self, name: bytes, prove: Callable[[Pack, Record], bytes]) -> bytes:
        complaint = "no pack has it"
        for mend in (False, True):
            for pack, at, stored in self.places.get(name, []):
                try:
                    if mend and pack.mended is None:
                        pack.mend()
                    return prove(pack, pack.record(name, at, stored))
                except Refused as refused:
                    complaint = str(refused)
        raise Refused(f"record {name.hex()}: {complaint}")
