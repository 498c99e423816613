# SPDX-License-Identifier: Apache-2.0
"""block_map.py - from a point's root to the fingerprint of each block (map.md).
"""
import dataclasses
from typing import Callable, Dict, Iterator, List, Optional, Tuple

from .basics import ZERO_NAME, Fields, require
from .point import Point

LEAF, SEGMENT, NODE = 1, 2, 3
# What fetches a page by digest, kind, level and first block; none: below it is what was before.
Fetch = Callable[[bytes, int, int, int], Optional[bytes]]


@dataclasses.dataclass
class Page:
    entries: List[bytes]
    overrides: Dict[int, bytes]


def parse_page(data: bytes, kind: int, level: int) -> Page:
    fields = Fields(data, "a page")
    require(fields.take(4) == b"EBBM", "a page has another magic")
    require((fields.number(1), fields.number(1)) == (kind, level),
            "a page is not of its place's kind")
    count, overridden, reserved = fields.number(2), fields.number(2), fields.take(6)
    require(count <= 64 and overridden <= (128 if kind == SEGMENT else 0) and not any(reserved),
            "a page makes no sense")
    entries = [fields.take(32) for _ in range(count)] + [ZERO_NAME] * (64 - count)
    pairs = [(fields.number(2), fields.take(32)) for _ in range(overridden)]
    fields.end()
    positions = [position for position, _ in pairs]
    require(positions == sorted(set(positions)) and max(positions, default=0) < 4096,
            "a page's overrides are out of order")
    return Page(entries, dict(pairs))


def walk_map(point: Point, fetch: Fetch) -> Iterator[Tuple[int, int, Optional[List[bytes]]]]:
    """First block, count of blocks and their fingerprints, or none for a page that `fetch` does not
    give. In ascending order; what is left out is zeroes."""
    blocks = point.blocks()
    levels, width = 0, -(-blocks // 4096)
    while width > 1:
        width, levels = -(-width // 64), levels + 1
    if point.root != ZERO_NAME:
        if levels:
            yield from _walk_node(point, fetch, point.root, levels, 0)
        else:
            yield from _walk_segment(point, fetch, point.root, 0)


def _walk_node(point: Point, fetch: Fetch, digest: bytes, level: int, first: int):
    data = fetch(digest, NODE, level, first)
    if data is None:
        yield first, min(4096 * 64 ** level, point.blocks() - first), None
        return
    step = 4096 * 64 ** (level - 1)
    for child, entry in enumerate(parse_page(data, NODE, level).entries):
        at = first + child * step
        if entry != ZERO_NAME and at < point.blocks():
            if level > 1:
                yield from _walk_node(point, fetch, entry, level - 1, at)
            else:
                yield from _walk_segment(point, fetch, entry, at)


def _walk_segment(point: Point, fetch: Fetch, digest: bytes, first: int):
    data = fetch(digest, SEGMENT, 0, first)
    if data is None:
        yield first, min(4096, point.blocks() - first), None
        return
    segment = parse_page(data, SEGMENT, 0)
    for index, entry in enumerate(segment.entries):
        at = first + 64 * index
        names = [ZERO_NAME] * 64
        if entry != ZERO_NAME:
            require(at < point.blocks(), "a segment goes on after the last block")
            leaf = fetch(entry, LEAF, 0, at)
            require(leaf is not None, f"there is no leaf for block {at}")
            names = parse_page(leaf, LEAF, 0).entries
        names = [segment.overrides.get(64 * index + slot, name) for slot, name in enumerate(names)]
        count = max(0, min(64, point.blocks() - at))
        require(not any(map(any, names[count:])), "the map goes on after the last block")
        if any(map(any, names)):
            yield at, count, names[:count]
