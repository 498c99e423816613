# SPDX-License-Identifier: Apache-2.0
"""The plots: for each part two panels side by side, a line for each step."""
from typing import Dict, List, Tuple

from common import drawing, results
from common.results import Record
from scale import memory, points, sources, volumes
from common.figures import median
from scale.figures import groups, sizes

LIMIT_MIB = 256
Points = List[Tuple[float, float]]


def draw(part: str, records: List[Record], path: str) -> None:
    figure, axes = drawing.pyplot.subplots(1, 2, layout="constrained", figsize=(8.5, 3.2))
    {memory.PART: _memory, volumes.PART: _volume, sources.PART: _source,
     points.PART: _points}[part](axes, records)
    for one in axes:
        if one.get_yscale() == "linear":
            one.set_ylim(bottom=0)
        if len(one.get_legend_handles_labels()[0]) > 1:
            # Beside it where lines go everywhere.
            beside = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
            place = beside if part == memory.PART else {}
            one.legend(frameon=False, fontsize=8, **place)
    drawing.save(figure, path)


def _memory(axes, records: List[Record]) -> None:
    ended = [record for record in records if record["ended_early"]]
    for field, scale, one in (("peak_memory_bytes", 1 << 20, axes[0]), ("seconds", 1, axes[1])):
        _lines(one, {step: [(size / (1 << 40), median(found, field) / scale)
                            for size in sizes(records)
                            if (found := results.matching(records, step=step, size=size))]
                     for step in memory.STEPS}, "device, TiB", doubling=True)
    for line in axes[0].get_lines():
        line.set_label("")  # The other panel says it.
    axes[0].axhline(LIMIT_MIB, color=drawing.CEILING, linewidth=0.8, linestyle="--")
    axes[0].annotate("bound", (0.01, LIMIT_MIB), xycoords=("axes fraction", "data"), fontsize=8,
                     va="top")
    axes[1].set_yscale("log")
    axes[1].plot([int(record["size"]) / (1 << 40) for record in ended],
                 [float(record["seconds"]) for record in ended], "x", color="black", markersize=7,
                 linestyle="none", label="ended early" if ended else None)
    axes[0].set_title("Memory, MiB")
    axes[1].set_title("Seconds")


def _volume(axes, records: List[Record]) -> None:
    titles = {volumes.SPARSE: "Sparse, same data: seconds", volumes.FULL: "Full: seconds"}
    for kind, one in zip(volumes.KINDS, axes):
        found = results.matching(records, kind=kind)
        steps = [volumes.UNCHANGED, volumes.CHANGED] + (
            [volumes.READ] if kind == volumes.FULL else [])
        _lines(one, {("fio read" if step == volumes.READ else step): [
            (size / (1 << 30), median(results.matching(found, step=step, size=size), "seconds"))
            for size in sizes(found)] for step in steps}, "volume, GiB", kind == volumes.SPARSE)
        one.set_title(titles[kind])


def _source(axes, records: List[Record]) -> None:
    for field, scale, one in (("seconds", 1, axes[0]), ("ebb_bytes_read", 1 << 20, axes[1])):
        _lines(one, {step: [(size / (1 << 30), median(found, field) / scale)
                            for size in sizes(records)
                            if (found := results.matching(records, step=step, size=size))]
                     for step in (sources.TRACKED, sources.SCANNED)}, "device, GiB", doubling=True)
        one.set_yscale("log")
    axes[0].set_title("Seconds")
    axes[1].set_title("MiB read")


def _points(axes, records: List[Record]) -> None:
    backups = [record for record in results.matching(records, step=points.BACKUP)
               if int(record["points"]) > 1]
    pieces = groups(backups)
    _lines(axes[0], {name: [(middle, median(piece, field)) for middle, piece in pieces.items()]
                     for name, field in (("seconds", "seconds"), ("CPU seconds", "cpu_seconds"))},
           "n-th backup", False)
    _lines(axes[1], {"stored": [(middle, median(piece, "added_bytes") / 1024)
                                for middle, piece in pieces.items()]}, "n-th backup", False)
    axes[0].set_title("A backup: seconds")
    axes[1].set_title("A backup: KiB stored")


def _lines(axes, lines: Dict[str, Points], label: str, doubling: bool) -> None:
    for (name, places), colour in zip(lines.items(), drawing.SERIES):
        axes.plot([x for x, _ in places], [y for _, y in places], color=colour, label=name,
                  marker="o", markersize=3, linewidth=1.2)
    if doubling:
        axes.set_xscale("log", base=2)
        ticks = sorted({x for places in lines.values() for x, _ in places})
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xlabel(label)
