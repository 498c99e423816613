#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""report.py RESULTS... [--document FILE] [--plots FOLDER] - shows what scale.py measured.

Writes the section `scale` of the document, and a plot for each part. Says figures; what they mean
is written beside the section by people.
"""
import argparse
import os
import sys
from typing import Dict, List

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import document, figures, results  # noqa: E402
from common.results import Record  # noqa: E402
from scale import tables  # noqa: E402

PARTS = {"memory": tables.memory, "volume": tables.volumes, "source": tables.sources,
         "points": tables.points}
PLOTS = {"memory": "Memory and seconds as the device grows",
         "volume": "Seconds of a backup as the volume grows",
         "source": "Seconds of a backup as a tracked device grows",
         "points": "Seconds and bytes of a backup as points grow"}


def main() -> int:
    parser = argparse.ArgumentParser(description="Shows what bench/scale measured.")
    parser.add_argument("results", nargs="+")
    parser.add_argument("--document", metavar="FILE")
    parser.add_argument("--plots", metavar="FOLDER")
    options = parser.parse_args()
    records = [record for path in options.results
               for record in results.matching(results.load(path), benchmark="scale")]
    if not records:
        print("no measurements of scale", file=sys.stderr)
        return 1
    shown = [part for part in PARTS if results.matching(records, part=part)]
    links: Dict[str, str] = {}
    if options.plots is not None:
        from scale import plot  # Only this needs matplotlib.
        place = os.path.dirname(os.path.abspath(options.document or "."))
        for part in shown:
            path = os.path.join(options.plots, f"scale-{part}.svg")
            plot.draw(part, results.matching(records, part=part), path)
            links[part] = f"![{PLOTS[part]}]({os.path.relpath(path, place)})"
    text = section(records, shown, links)
    if options.document is not None:
        document.write_section(options.document, "scale", "bench/scale/report.py", text)
    else:
        print(text)
    return 0


def section(records: List[Record], shown: List[str], links: Dict[str, str]) -> str:
    texts = [figures.conditions(records)]
    for part in shown:
        texts.append(PARTS[part](results.matching(records, part=part)))
        texts.append(links.get(part, ""))
    return "\n\n".join(text for text in texts if text)


if __name__ == "__main__":
    sys.exit(main())
