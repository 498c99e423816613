# SPDX-License-Identifier: Apache-2.0
"""difference.py - the packs and the objects of a difference file (difference.md).
"""
import hashlib
import struct
from typing import Dict, List, Tuple

from .basics import Fields, Refused, require
from .objects import DATA_KEY_TABLE, LOST, MAX_BODY, PATHS, REPOSITORY, repository_id_of
from .pack import BLOCK, OBJECT, Pack, Record, Tail, first_tail, last_tail, map_file

def split_packs(data: memoryview) -> List[Tuple[memoryview, Tail]]:
    """From the start; the second tail of a pack follows from its first, and the other way round."""
    try:
        packs: List[Tuple[memoryview, Tail]] = []
        end = len(data)
        while end:
            tail = last_tail(data[:end])
            require(tail.pack_length() <= end, "the file's first pack is cut")
            packs.insert(0, (data[end - tail.pack_length():end], tail))
            end -= tail.pack_length()
        return packs
    except Refused:
        packs, at = [], 0
        while at < len(data):
            tail = first_tail(data[at:])
            require(at + tail.pack_length() <= len(data), "the file's last pack is cut")
            packs.append((data[at:at + tail.pack_length()], tail))
            at += tail.pack_length()
        return packs


class DifferenceFile:
    """A difference file's objects, under the names that they have in a repository."""

    def __init__(self, path: str) -> None:
        data = map_file(path)
        repo = bytes(data[16:32])
        self.packs = [Pack(part, tail, repo) for part, tail in split_packs(data)]
        self.objects: Dict[str, Tuple[int, bytes]] = {}
        self.data_key_ids: Dict[bytes, bytes] = {}
        names = set()
        for pack in self.packs:
            require(pack.tail.use == 2 and not any(pack.data_key_id), "a pack is of another use")
            tables, blocks = [], []
            for place in pack.places:
                require(place[0] not in names, "a record comes twice")
                names.add(place[0])
                record = pack.record(*place)
                if record.kind == OBJECT:
                    self._add_object(record, tables)
                elif record.kind == BLOCK:
                    blocks.append(record.name)
            keys = [pair for table in tables for pair in struct.iter_unpack("<32s16s", table)]
            require(sorted(name for name, _ in keys) == sorted(blocks),
                    "a data key table does not name what its pack holds")
            self.data_key_ids.update(keys)
        require(repository_id_of(self.body("repository", REPOSITORY))[0] == repo,
                "the packs are of another repository than the configuration")

    def _add_object(self, record: Record, tables: List[bytes]) -> None:
        require(hashlib.sha256(record.payload).digest() == record.name,
                "an object has another name")
        fields = Fields(record.payload, "an object record")
        kind, length = fields.number(2), fields.number(2)
        require(length <= 255, "an object's path is too long")
        path, body = fields.take(length).decode("utf-8", "replace"), fields.rest()
        require(len(body) <= MAX_BODY, "an object is too long")
        if kind == DATA_KEY_TABLE:
            require(path == "" and len(body) % 48 == 0, "a data key table is malformed")
            tables.append(body)
            return
        require(kind in PATHS and kind != LOST, f"an object of type {kind} does not belong here")
        require(PATHS[kind].fullmatch(path) is not None,
                "an object's path is not of its type's form")
        self.objects[path] = (kind, body)

    def paths(self, kind: int) -> List[str]:
        return sorted(path for path, (found, _) in self.objects.items() if found == kind)

    def body(self, path: str, kind: int) -> bytes:
        if path not in self.objects:
            raise FileNotFoundError(f"{path} is not in the file")
        return self.objects[path][1]
