# SPDX-License-Identifier: Apache-2.0
"""What is asked of the records: on what they were measured, medians, the n-th backups in groups."""
from typing import Dict, List, Optional

from common import results
from common.results import Record

BUSY = 0.2  # Cores; more than this before a measurement, and it was not alone.


def conditions(records: List[Record]) -> str:
    last = max(records, key=lambda record: str(record["date"]))
    about = last["machine"]
    lines = [
        f"Measured {str(last['date'])[:10]} with "
        f"{', '.join(sorted({str(record['version']) for record in records}))}.",
        "",
        f"- Machine: {about['cores']} cores of {about['cpu']}, "
        f"{about['memory_bytes'] / (1 << 30):.0f} GiB, {about['system']}, kernel "
        f"{about['kernel']}, {about['file_system']} on a {about['disk']}"]
    disturbed = sum(float(record["cores_busy_before"]) > BUSY for record in records)
    if disturbed:
        lines.append(f"- **Disturbed**: other work kept the machine busy when {disturbed} of "
                     f"{len(records)} measurements began, so seconds are worse than they are on a "
                     "quiet machine. CPU seconds suffer less; memory and bytes do not. "
                     f"{sum(bool(record['alone']) for record in records)} were taken under the "
                     "lock of --lock.")
    return "\n".join(lines)


def sizes(records: List[Record]) -> List[int]:
    return sorted({int(record["size"]) for record in records})


def median(records: List[Record], field: str) -> Optional[float]:
    spread = results.spread(records, field)
    return spread.median if spread is not None else None


def groups(records: List[Record], count: int = 20) -> Dict[float, List[Record]]:
    """The backups in order, in groups of neighbours, by the middle of their numbers."""
    ordered = sorted(records, key=lambda record: int(record["points"]))
    size = max(1, -(-len(ordered) // count))
    pieces = [ordered[at:at + size] for at in range(0, len(ordered), size)]
    return {(int(piece[0]["points"]) + int(piece[-1]["points"])) / 2: piece for piece in pieces}


def size_words(size: int) -> str:
    for unit, bits in (("TiB", 40), ("GiB", 30)):
        if size >= 1 << bits:
            return f"{size / (1 << bits):g} {unit}"
    return f"{size / (1 << 20):g} MiB"
