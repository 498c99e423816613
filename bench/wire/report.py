#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""report.py RESULTS... [--document FILE] - shows what wire.py measured.

Writes the section `wire` of the document. Says figures; what they mean is written beside the section
by people.
"""
import argparse
import os
import statistics
import sys
from typing import List

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import document, results  # noqa: E402
from common.figures import conditions, median, size_words  # noqa: E402
from common.results import Record  # noqa: E402
from wire import sources as sources_part, ways as ways_part  # noqa: E402
from wire.parties import EMBEDDED, WAYS  # noqa: E402

STEP_WORDS = {"full": "full backup", "unchanged": "nothing changed", "restore": "restore"}
WAY_WORDS = {"embedded": "embedded", "unix": "unix socket", "tls": "TLS on loopback"}


def main() -> int:
    parser = argparse.ArgumentParser(description="Shows what bench/wire measured.")
    parser.add_argument("results", nargs="+")
    parser.add_argument("--document", metavar="FILE")
    options = parser.parse_args()
    records = [record for path in options.results
               for record in results.matching(results.load(path), benchmark="wire")]
    if not records:
        print("no measurements of the wire", file=sys.stderr)
        return 1
    texts = [conditions(records)]
    for part, table in ((ways_part.PART, ways), (sources_part.PART, sources)):
        of_part = results.matching(records, part=part)
        if of_part:
            texts.append(table(of_part))
    text = "\n\n".join(texts)
    if options.document is not None:
        document.write_section(options.document, "wire", "bench/wire/report.py", text)
    else:
        print(text)
    return 0


def ways(records: List[Record]) -> str:
    rows = []
    for step in ways_part.STEPS:
        for way in WAYS:
            of_one = results.matching(records, step=step, way=way)
            if not of_one:
                continue
            rows.append([f"{STEP_WORDS[step]}, {WAY_WORDS[way]}",
                         document.seconds(median(of_one, "seconds")),
                         _beside_embedded(records, step, way, "seconds"),
                         document.seconds(median(of_one, "cpu_seconds")),
                         _beside_embedded(records, step, way, "cpu_seconds"),
                         document.mib(median(of_one, "client_peak_bytes")),
                         document.mib(median(of_one, "agent_peak_bytes"))])
    rounds = max(int(record["round"]) for record in records)
    return (f"### The same through a storage agent\n\n{size_words(int(records[0]['size']))}, half "
            "of it incompressible, each way in turn with a repository of its own, cold cache, until "
            f"all is synced; medians of {rounds} rounds. Ratios are taken in each round. CPU seconds "
            "are ebb's and the storage agent's.\n\n" + document.table(
                ["step and way", "s", "to embedded", "CPU s", "to embedded", "ebb, MiB",
                 "agent, MiB"], rows))


def _beside_embedded(records: List[Record], step: str, way: str, field: str) -> str:
    """The median of the ratios of each round, with the least and the most."""
    ratios = []
    for record in results.matching(records, step=step, way=way):
        for beside in results.matching(records, step=step, way=EMBEDDED, round=record["round"]):
            ratios.append(float(record[field]) / float(beside[field]))
    if way == EMBEDDED or not ratios:
        return "1"
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})"


def sources(records: List[Record]) -> str:
    rows = []
    for count in sorted({int(record["sources"]) for record in records}):
        of_one = results.matching(records, sources=count)
        speed = [float(record["size"]) / float(record["seconds"]) for record in of_one]
        apart = [float(record["longest"]) / float(record["shortest"]) for record in of_one]
        rows.append([f"{count}", document.seconds(median(of_one, "seconds")),
                     document.mib(statistics.median(speed)), f"{statistics.median(apart):.2f}",
                     document.seconds(median(of_one, "agent_cpu_seconds")),
                     document.mib(median(of_one, "agent_peak_bytes"))])
    return (f"### Many sources at once\n\n{size_words(int(records[0]['size']))} of random bytes, "
            "divided among sources that begin at the same moment, by one unix socket; the agent's "
            "`--runs` is the number of sources (at least 16). \"Apart\" is how many times as long the "
            "last one took as the first one.\n\n" + document.table(
                ["sources", "s", "together, MiB/s", "apart", "agent, CPU s", "agent, MiB"], rows))


if __name__ == "__main__":
    sys.exit(main())
