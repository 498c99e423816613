# SPDX-License-Identifier: Apache-2.0
"""objects.py - small objects, where they lie, and the configuration (objects.md).

Knows nothing of what the objects mean, and needs no key.
"""
import os
import re
from typing import List, Tuple

from .basics import Fields, Refused, crc64, require, round_up

MAX_BODY = 1 << 20
REPOSITORY, KEYRING, SLOT, MEMBERS, ENVELOPE, POINT, LOST = 1, 2, 3, 4, 5, 6, 7
DATA_KEY_TABLE = 10

PATHS = {
    REPOSITORY: re.compile(r"repository"),
    KEYRING: re.compile(r"keys/([0-9a-f]{16})/keyring"),
    SLOT: re.compile(r"keys/([0-9a-f]{16})/slot-([0-9a-f]{16})"),
    MEMBERS: re.compile(r"members/([0-9a-f]{16})"),
    ENVELOPE: re.compile(r"envelopes/([0-9a-f]{32})-([0-9a-f]{16})"),
    POINT: re.compile(r"points/([0-9a-f]{32})/([0-9a-f]{16})-([0-9a-f]{64})"),
    LOST: re.compile(r"lost/([0-9a-f]{32})"),
}
PACK_PATH = re.compile(r"packs/([0-9a-f]{32})\.pack")


def body_of_copy(copy: bytes, kind: int) -> bytes:
    fields = Fields(copy, "a frame")
    require(fields.take(4) == b"EBBO", "a frame has another magic")
    found, version, size, crc = (fields.number(2), fields.number(2), fields.number(8),
                                 fields.number(8))
    require(size <= MAX_BODY and round_up(24 + size, 4096) == len(copy),
            "a frame's length is wrong")
    body = fields.take(size)
    require(crc64(copy[:16], bytes(8), body) == crc, "a frame's CRC is wrong")
    require(not any(fields.rest()), "a frame's padding is not zero")
    require(version == 1, f"a frame has version {version}: a newer ebb wrote it")
    require(found == kind, f"an object of type {found} stands where type {kind} belongs")
    return body


def copies_of(path: str) -> Tuple[bytes, bytes]:
    with open(path, "rb") as file:
        data = file.read(2113536 + 1)
    require(0 < len(data) <= 2113536 and len(data) % 2 == 0, f"{path} has a wrong length")
    return data[:len(data) // 2], data[len(data) // 2:]


class Folder:
    """The small objects of a repository in a folder."""

    def __init__(self, root: str) -> None:
        self.root = root

    def paths(self, kind: int) -> List[str]:
        """Of all files whose name has the form of that place, in ascending order."""
        return [path for path in self.all_paths() if PATHS[kind].fullmatch(path)]

    def all_paths(self) -> List[str]:
        found = []
        for folder, _, files in os.walk(self.root):
            inside = os.path.relpath(folder, self.root)
            found += [os.path.normpath(os.path.join(inside, name)) for name in files]
        return sorted(found)

    def body(self, path: str, kind: int) -> bytes:
        complaint = None
        for copy in copies_of(os.path.join(self.root, path)):
            try:
                return body_of_copy(copy, kind)
            except Refused as refused:
                complaint = complaint or refused
        raise Refused(f"{path}: no sound copy: {complaint}")


def repository_id_of(body: bytes) -> Tuple[bytes, bytes]:
    """The repository's id, and the authority that the configuration claims."""
    fields = Fields(body, "the configuration")
    require(fields.take(8) == b"EBBREPO1", "the configuration has another magic")
    version = fields.number(4)
    require(version == 1, f"the repository has version {version}: a newer ebb wrote it")
    repo, authority = fields.take(16), fields.take(32)
    fields.take(8)
    fields.end()
    return repo, authority
