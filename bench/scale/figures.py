# SPDX-License-Identifier: Apache-2.0
"""What is asked of the records of growth: their sizes, the n-th backups in groups."""
from typing import Dict, List

from common.results import Record


def sizes(records: List[Record]) -> List[int]:
    return sorted({int(record["size"]) for record in records})


def groups(records: List[Record], count: int = 20) -> Dict[float, List[Record]]:
    """The backups in order, in groups of neighbours, by the middle of their numbers."""
    ordered = sorted(records, key=lambda record: int(record["points"]))
    size = max(1, -(-len(ordered) // count))
    pieces = [ordered[at:at + size] for at in range(0, len(ordered), size)]
    return {(int(piece[0]["points"]) + int(piece[-1]["points"])) / 2: piece for piece in pieces}
