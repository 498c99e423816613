# SPDX-License-Identifier: Apache-2.0
"""Results: a JSON file with one record a measurement, and medians over rounds.

A record is a flat dict; which of its fields say what was measured is the benchmark's own. Every
record carries its machine, versions and time, so that files can be merged and still be understood.
"""
import json
import os
import statistics
from typing import Dict, Iterable, List, NamedTuple, Optional

Record = Dict[str, object]


class Spread(NamedTuple):
    """The median of a few rounds, with the least and the most."""
    median: float
    least: float
    most: float
    rounds: int


def load(path: str) -> List[Record]:
    with open(path, encoding="utf-8") as file:
        return json.load(file)["records"]


def save(path: str, records: Iterable[Record]) -> None:
    """The file is there whole or not at all."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump({"records": list(records)}, file, indent=1)
        file.write("\n")
    os.replace(path + ".new", path)


def merged(old: Iterable[Record], new: List[Record], by: Iterable[str]) -> List[Record]:
    """New records, and the old ones that measured something else in one of the fields `by`."""
    fields = list(by)
    replaced = {tuple(record.get(field) for field in fields) for record in new}
    return [record for record in old
            if tuple(record.get(field) for field in fields) not in replaced] + new


def matching(records: Iterable[Record], **fields: object) -> List[Record]:
    return [record for record in records
            if all(record.get(name) == value for name, value in fields.items())]


def spread(records: Iterable[Record], field: str) -> Optional[Spread]:
    values = [float(record[field]) for record in records if record.get(field) is not None]
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values), len(values))
