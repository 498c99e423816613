# SPDX-License-Identifier: Apache-2.0
"""On what records were measured, and what is asked of all of them: medians, sizes in words."""
from typing import List, Optional

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


def median(records: List[Record], field: str) -> Optional[float]:
    spread = results.spread(records, field)
    return spread.median if spread is not None else None


def size_words(size: int) -> str:
    for unit, bits in (("TiB", 40), ("GiB", 30)):
        if size >= 1 << bits:
            return f"{size / (1 << bits):g} {unit}"
    return f"{size / (1 << 20):g} MiB"
