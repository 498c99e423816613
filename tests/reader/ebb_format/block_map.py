# SPDX-License-Identifier: Apache-2.0
"""block_map.py - from a point's root to the fingerprint of each block (map.md).
"""
import dataclasses
from typing import Callable, Dict, Iterator, List, Tuple

from .basics import ZERO_NAME, Fields, require
from .point import Point

LEAF, SEGMENT, NODE = 1, 2, 3
Fetch = Callable[[bytes], bytes]  # From a page's digest to its bytes.


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


def walk_map(point: Point, fetch: Fetch) -> Iterator[Tuple[int, List[bytes]]]:
    """First block and fingerprints of up to 64 blocks, ascending; what is left out is zeroes."""
    levels, width = 0, -(-point.blocks() // 4096)
    while width > 1:
        width, levels = -(-width // 64), levels + 1
    return _walk(point, fetch, point.root, levels, 0)


def _walk(point: Point, fetch: Fetch, digest: bytes, level: int,
          first: int) -> Iterator[Tuple[int, List[bytes]]]:
    """Below the node of that level, or below the segment, which counts here as level 0."""
    if digest == ZERO_NAME or first >= point.blocks():
        return
    if level == 0:
        yield from _walk_segment(point, fetch, digest, first)
        return
    step = 4096 * 64 ** (level - 1)
    for child, entry in enumerate(parse_page(fetch(digest), NODE, level).entries):
        yield from _walk(point, fetch, entry, level - 1, first + child * step)


def _walk_segment(point: Point, fetch: Fetch, digest: bytes,
                  first: int) -> Iterator[Tuple[int, List[bytes]]]:
    segment = parse_page(fetch(digest), SEGMENT, 0)
    for index, entry in enumerate(segment.entries):
        at = first + 64 * index
        names = [ZERO_NAME] * 64
        if entry != ZERO_NAME:
            require(at < point.blocks(), "a segment goes on after the last block")
            names = parse_page(fetch(entry), LEAF, 0).entries
        names = [segment.overrides.get(64 * index + slot, name) for slot, name in enumerate(names)]
        count = max(0, min(64, point.blocks() - at))
        require(not any(map(any, names[count:])), "the map goes on after the last block")
        if any(map(any, names)):
            yield at, names[:count]
