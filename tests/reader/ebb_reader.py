#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""ebb_reader.py - a second reader of ebb repositories, written from docs/format/ and nothing else.

  points REPO --passphrase-file F               lists points whose signatures are right
  restore REPO POINT OUT --passphrase-file F    writes a point into a new image file
  check REPO                                    looks at every byte that can be judged without a key
  diff FILE BASE OUT --passphrase-file F        writes BASE, changed by a difference file, as OUT

It shows that the documents suffice, and stays as an emergency exit for whoever has a repository
and no ebb. The modules in ebb_format/ follow the documents: README.md and objects.md (basics,
objects), keys.md and fingerprint.md (keys), point.md (point), pack.md (pack, parity, records),
map.md (block_map), difference.md (difference). F holds a passphrase or a paper key.

It promises that what it writes is what the named point holds: each link of README.md's chain is
checked. CRCs are slow here, so a record's CRC is left to `check`: a restore proves pages by their
digests and blocks by seal and fingerprint, which say more. It never writes into a repository, does
not read the index, and does not know the source code of ebb.

Needs Debian's python3-cryptography, python3-lz4, python3-zstandard and python3-argon2.
"""
import argparse
import contextlib
import hashlib
import os
import sys
from typing import BinaryIO, Callable, Dict, Iterator, List

sys.dont_write_bytecode = True  # Nothing is left behind beside the source.

from ebb_format.basics import ZERO_NAME, Refused, crc64, require
from ebb_format.block_map import walk_map
from ebb_format.difference import DifferenceFile
from ebb_format.keys import DataKeys, Keyring, fingerprint_of, open_keyring, open_members
from ebb_format.objects import (PACK_PATH, PATHS, POINT, REPOSITORY, Folder, body_of_copy,
                                copies_of, repository_id_of)
from ebb_format.pack import BLOCK, OBJECT, open_pack, parse_tail
from ebb_format.parity import COLUMNS, parity_chunk
from ebb_format.point import Point, open_point, parse_point
from ebb_format.records import Packs

EXIT_FAILED, EXIT_DAMAGE = 1, 5


def read_secret(path: str) -> bytes:
    with open(path, "rb") as file:
        secret = file.read()
    return secret[:-1] if secret.endswith(b"\n") else secret


def sound_points(folder: Folder, keyring: Keyring) -> List[Point]:
    """By volume and sequence. What is not right is told and left out."""
    sources = open_members(folder, keyring.repo, keyring.authority)
    points = []
    for path in folder.paths(POINT):
        try:
            points.append(open_point(folder, path, keyring, sources))
        except Refused as refused:
            print(f"left out {path}: {refused}", file=sys.stderr)
    return points


def choose_point(points: List[Point], wanted: str) -> Point:
    if wanted.endswith("@latest"):
        name = wanted[:-len("@latest")]
        points = [point for point in points if point.label["volume"] == name]
        newest = max((point.sequence for point in points), default=0)
        points = [point for point in points if point.sequence == newest]
    else:
        points = [point for point in points if point.id.hex().startswith(wanted)]
    require(len(points) == 1, f"{len(points)} points are called '{wanted}'")
    return points[0]


def packs_of(folder: Folder, data_keys: DataKeys) -> Packs:
    packs = []
    for path in filter(PACK_PATH.fullmatch, folder.all_paths()):
        try:
            packs.append(open_pack(os.path.join(folder.root, path), data_keys.keyring.repo))
        except Refused as refused:
            print(f"left out {path}: {refused}", file=sys.stderr)
    return Packs(packs, data_keys, lambda pack, _: pack.data_key_id)


@contextlib.contextmanager
def new_image(path: str, size: int) -> Iterator[BinaryIO]:
    """A new file of zeroes, which goes away again unless all went well."""
    with open(path, "xb") as out:
        try:
            out.truncate(size)
            yield out
        except BaseException:
            os.unlink(path)
            raise


def command_points(arguments: argparse.Namespace) -> int:
    folder = Folder(arguments.repo)
    for point in sound_points(folder, open_keyring(folder, read_secret(arguments.passphrase_file))):
        print(point.label["volume"], point.sequence, point.id.hex())
    return 0


def command_restore(arguments: argparse.Namespace) -> int:
    folder = Folder(arguments.repo)
    keyring = open_keyring(folder, read_secret(arguments.passphrase_file))
    point = choose_point(sound_points(folder, keyring), arguments.point)
    packs = packs_of(folder, DataKeys(folder, keyring))
    with new_image(arguments.out, point.size) as out:
        for first, names in walk_map(point, packs.page):
            for block, name in enumerate(names, first):
                if name != ZERO_NAME:
                    out.seek(block * point.block_size)
                    out.write(packs.block(name, point.length_of(block)))
    for begin, end in point.label["unreadable"]:
        print(f"bytes {begin} to {end} could not be read when the point was made")
    return 0


def check_object(folder: Folder, path: str, kind: int) -> None:
    first, second = copies_of(os.path.join(folder.root, path))
    body_of_copy(first, kind)
    body_of_copy(second, kind)
    require(first == second, "the two copies differ")


def check_pack(path: str, repo: bytes) -> None:
    """Both tails, header, table, every chunk, every record, and the parity."""
    pack = open_pack(path, repo)
    tail, end = pack.tail, pack.tail.data_end()
    require(pack.mended is None, "header or table are damaged; parity mends them")
    second = bytes(pack.data[-tail.length:])
    require(bytes(pack.data[end:end + tail.length]) == second, "the two tails differ")
    parse_tail(second)
    damaged = pack.damaged_chunks()
    require(not damaged, f"chunks with a wrong CRC: {damaged}")
    at = 128
    for name, place, stored in pack.places:
        require(place == at, "there is a gap between records")
        record = pack.record(name, place, stored)
        header = pack.bytes_at(place, 64)
        require(crc64(header[:56], record.payload) == int.from_bytes(header[56:], "little"),
                "a record's CRC is wrong")
        require(record.kind != OBJECT, "an object lies in a repository's pack")
        require(record.kind == BLOCK or hashlib.sha256(record.payload).digest() == name,
                "a page has another digest")
        at += 64 + stored
    require(at == tail.table_at, "there is a gap before the table")
    require(not any(pack.data[at + 40 * tail.record_count:end]),
            "bytes after the table are not zero")
    for row in range(tail.parity_rows):
        for stripe in range(COLUMNS):
            require(pack.chunk(parity_chunk(tail.data_chunks, row, stripe)) ==
                    pack.parity_of(stripe, row), f"the parity of stripe {stripe} is wrong")


def command_check(arguments: argparse.Namespace) -> int:
    """For want of a key the authority is the one that the configuration claims."""
    folder = Folder(arguments.repo)
    repo, authority = repository_id_of(folder.body("repository", REPOSITORY))
    sources: List[bytes] = []
    damages = 0

    def look(path: str, judge: Callable[[], object]) -> None:
        nonlocal damages
        try:
            judge()
        except (Refused, OSError) as refused:
            damages += 1
            print(f"damaged {path}: {refused}")

    look("members", lambda: sources.extend(open_members(folder, repo, authority)))
    for kind in PATHS:
        for path in folder.paths(kind):
            look(path, lambda: check_object(folder, path, kind))
    for path in folder.paths(POINT):
        look(path, lambda: parse_point(folder.body(path, POINT), path, repo, sources))
    for path in filter(PACK_PATH.fullmatch, folder.all_paths()):
        look(path, lambda: check_pack(os.path.join(folder.root, path), repo))
    print("sound" if damages == 0 else f"{damages} damages")
    return EXIT_DAMAGE if damages else 0


def names_by_block(point: Point, packs: Packs) -> Dict[int, bytes]:
    """What the point's map says of each block that is not zero."""
    return {block: name for first, names in walk_map(point, packs.page)
            for block, name in enumerate(names, first) if name != ZERO_NAME}


def command_diff(arguments: argparse.Namespace) -> int:
    """Each block of the base must be as in B or as in A; where it is as in A, the file has B's."""
    file = DifferenceFile(arguments.file)
    keyring = open_keyring(file, read_secret(arguments.passphrase_file))
    sources = open_members(file, keyring.repo, keyring.authority)
    points = [open_point(file, path, keyring, sources) for path in file.paths(POINT)]
    require(len(points) == 2 and points[0].volume == points[1].volume and
            points[0].sequence != points[1].sequence,
            "the file does not hold two points of a volume")
    a, b = sorted(points, key=lambda point: point.sequence)
    require(a.block_size == b.block_size, "the points have blocks of different sizes")
    packs = Packs(file.packs, DataKeys(file, keyring), lambda _, name: file.data_key_ids[name])
    before, after = names_by_block(a, packs), names_by_block(b, packs)
    compared = a.blocks() if a.size == b.size else a.size // a.block_size
    with open(arguments.base, "rb") as base, new_image(arguments.out, b.size) as out:
        for block in range(b.blocks()):
            base.seek(block * b.block_size)
            plain, length = base.read(b.length_of(block)), b.length_of(block)
            is_now = fingerprint_of(keyring.id_key, plain) if any(plain) else ZERO_NAME
            name = after.get(block, ZERO_NAME)
            if len(plain) != length or is_now != name:
                require(block >= compared or is_now == before.get(block, ZERO_NAME),
                        f"block {block} of the base is neither as in A nor as in B")
                plain = bytes(length) if name == ZERO_NAME else packs.block(name, length)
            out.seek(block * b.block_size)
            out.write(plain)
    print(f"made {b.label['volume']} {b.sequence} {b.id.hex()} from {a.sequence} {a.id.hex()}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="A second reader of ebb repositories")
    commands = parser.add_subparsers(dest="command", required=True)
    table = {
        "points": (command_points, ["repo"]),
        "restore": (command_restore, ["repo", "point", "out"]),
        "check": (command_check, ["repo"]),
        "diff": (command_diff, ["file", "base", "out"]),
    }
    for name, (_, operands) in table.items():
        command = commands.add_parser(name)
        for operand in operands:
            command.add_argument(operand)
        if name != "check":
            command.add_argument("--passphrase-file", required=True)
    arguments = parser.parse_args()
    try:
        return table[arguments.command][0](arguments)
    except (Refused, OSError) as refused:
        print(f"ebb_reader: {refused}", file=sys.stderr)
        return EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
