# SPDX-License-Identifier: Apache-2.0
"""point.py - recovery points (point.md).

A point that comes out of here is signed by a member and is what its file name says.
"""
import dataclasses
import hashlib
import json
from typing import List

from .basics import Fields, Refused, require
from .keys import Keyring, open_label, u64, verify, volume_id
from .objects import MAX_BODY, PATHS, POINT

MAX_DEVICE = 1 << 46  # 64 TiB.


@dataclasses.dataclass
class Point:
    id: bytes
    repo: bytes
    volume: bytes
    source: bytes
    sequence: int
    predecessor: bytes
    size: int
    block_size: int
    root: bytes
    salt: bytes
    sealed_label: bytes
    label: dict = dataclasses.field(default_factory=dict)

    def blocks(self) -> int:
        return -(-self.size // self.block_size)

    def length_of(self, block: int) -> int:
        return min(self.block_size, self.size - block * self.block_size)


def parse_point(body: bytes, path: str, repo: bytes, sources: List[bytes]) -> Point:
    """Checks all that can be checked without the id key."""
    volume_name, sequence_name, point_name = PATHS[POINT].fullmatch(path).groups()
    fields = Fields(body, "a point")
    require(fields.take(8) == b"EBBPOINT", "a point has another magic")
    version = fields.number(4)
    require(version == 1, f"a point has version {version}: a newer ebb wrote it")
    repo_of_point, volume, source = fields.take(16), fields.take(16), fields.take(32)
    fields.take(16)  # The data key of its run; each pack names its own.
    sequence, predecessor = fields.number(8), fields.take(32)
    fields.take(8)
    size, block_size, root = fields.number(8), fields.number(4), fields.take(32)
    fields.take(8 + 1 + 5 * 8)
    salt, sealed_label = fields.take(32), fields.sized(MAX_BODY)
    signed = body[:fields.at]
    signature = fields.take(64)
    fields.end()
    point = Point(hashlib.sha256(signed).digest(), repo_of_point, volume, source, sequence,
                  predecessor, size, block_size, root, salt, sealed_label)
    require(point.id.hex() == point_name, "a point's id is not that of its name")
    require(volume.hex() == volume_name, "a point's volume is not that of its name")
    require(sequence == int(sequence_name, 16), "a point's sequence is not that of its name")
    require(repo_of_point == repo, "a point is of another repository")
    require(source in sources, "a point's source is not in the members record")
    verify(source, signature, b"ebb point 1" + signed, "a point")
    require(size <= MAX_DEVICE, "a point's device is too large")
    require(block_size in [1 << bit for bit in range(12, 21)], "a point's block size is wrong")
    return point


def open_point(objects, path: str, keyring: Keyring, sources: List[bytes]) -> Point:
    point = parse_point(objects.body(path, POINT), path, keyring.repo, sources)
    context = b"ebb about 1" + point.repo + point.volume + u64(point.sequence)
    text = open_label(keyring.id_key, point.salt, point.sealed_label, context)
    try:
        label = json.loads(text)
    except ValueError:
        raise Refused("a point's label is no JSON") from None
    require(isinstance(label, dict) and {"volume", "passport", "unreadable"} <= label.keys(),
            "a point's label lacks a member")
    require(volume_id(keyring.id_key, label["volume"]) == point.volume,
            "the volume's name is not that of its id")
    point.label = label
    return point
