#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""report.py RESULTS [--document FILE] [--plot FILE.svg] - shows what peers.py measured.

Writes the section `peers` of the document, and the plot. Says figures and ratios of medians; what
they mean is written beside the section by people. Measures with a warm cache get tables of their
own; the plot is of the cold ones.
"""
import argparse
import os
import sys
from typing import Dict, List, Optional, Tuple

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import document, results  # noqa: E402
from common.results import Record, Spread  # noqa: E402
from peers.figures import TITLES, Figures  # noqa: E402
from peers.table import TOOLS  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description="Shows what bench/peers measured.")
    parser.add_argument("results")
    parser.add_argument("--document", metavar="FILE")
    parser.add_argument("--plot", metavar="FILE")
    options = parser.parse_args()
    records = results.matching(results.load(options.results), benchmark="peers")
    if not records:
        print(f"{options.results}: no measurements of peers", file=sys.stderr)
        return 1
    text = section(records)
    if options.plot is not None:
        from peers import plot  # Only this needs matplotlib.
        plot.draw(Figures(results.matching(records, cache="cold")), options.plot)
        place = os.path.dirname(os.path.abspath(options.document or "."))
        text = (f"![Seconds for each step, ebb and its peers]"
                f"({os.path.relpath(options.plot, place)})\n\n{text}")
    if options.document is not None:
        document.write_section(options.document, "peers", "bench/peers/report.py", text)
    else:
        print(text)
    return 0


def section(records: List[Record]) -> str:
    parts = [conditions(records)]
    for kind in ("cold", "warm"):
        figures = Figures(results.matching(records, cache=kind))
        if figures.empty():
            continue
        if kind == "warm":
            parts.append("### The same with a warm cache")
        parts.append(summary(figures))
        parts += [step_table(figures, step) for step in TITLES if figures.tools(step)]
    return "\n\n".join(part for part in parts if part)


def conditions(records: List[Record]) -> str:
    last = max(records, key=lambda record: str(record["date"]))
    about, volume = last["machine"], last["volume"]
    shares = ", ".join(f"{share * 100:.1f} % of its blocks of {size}"
                       for size, share in volume["changed_share"].items())
    versions: Dict[str, str] = {str(record["tool"]): str(record["version"]) for record in records}
    rounds = max(int(record["round"]) for record in records)
    lines = [
        f"Measured {str(last['date'])[:10]}, " + (
            f"{rounds} rounds, medians (least - most in brackets)." if rounds > 1 else
            "one round only: a look, not a measurement."),
        "",
        f"- Machine: {about['cores']} cores of {about['cpu']}, "
        f"{about['memory_bytes'] / (1 << 30):.0f} GiB, {about['system']}, kernel "
        f"{about['kernel']}, {about['file_system']} on a {about['disk']}",
        f"- Volume: {document.mib(volume['bytes'])} MiB, of which "
        f"{document.mib(volume['bytes_not_zero'])} MiB are not zero; changed are {shares}",
        "- Versions: " + "; ".join(f"{name}: {versions[name]}" for name in TOOLS
                                   if name in versions and name != "borg-fixed"),
    ]
    absentees = [tool.label for name, tool in TOOLS.items() if name not in versions]
    if absentees:
        lines.append(f"- **Not measured in this run**: {'; '.join(absentees)}")
    disturbed = sum(float(record.get("cores_busy_before", 0)) > 0.3 for record in records)
    if disturbed:
        lines.append(f"- **Disturbed**: other work kept the machine busy when {disturbed} of "
                     f"{len(records)} measurements began. Measure again when it is quiet.")
    sessions: Dict[str, List[str]] = {}
    for record in records:
        names = sessions.setdefault(str(record["session"]), [])
        if record["tool"] not in names:
            names.append(str(record["tool"]))
    if len(sessions) > 1:
        lines.append("- **Not all in one run**, so ratios between these groups are less certain: " +
                     "; ".join(f"{session}: {', '.join(names)}"
                               for session, names in sorted(sessions.items())))
    return "\n".join(lines)


def summary(figures: Figures) -> str:
    rows = []
    for step, title in TITLES.items():
        ebb, ceiling = figures.seconds("ebb", step), figures.ceiling(step)
        if ebb is None:
            continue
        peer = figures.fastest_peer(step)
        rows.append([title, document.seconds(ebb.median),
                     f"{document.seconds(ceiling.seconds)} ({ceiling.name})" if ceiling else "-",
                     ratio(ebb.median, ceiling.seconds) if ceiling else "-",
                     f"{document.seconds(peer.seconds)} ({peer.name})" if peer else "-",
                     ratio(peer.seconds, ebb.median) if peer else "-"])
    return document.table(["step", "ebb, s", "ceiling, s", "ebb takes of it",
                           "fastest peer that encrypts, s", "it takes of ebb"], rows)


def step_table(figures: Figures, step: str) -> str:
    ebb, ceiling = figures.seconds("ebb", step), figures.ceiling(step)
    rows = []
    for name in figures.tools(step):
        seconds = figures.seconds(name, step)
        row = [f"**{TOOLS[name].label}**" if name == "ebb" else TOOLS[name].label,
               "yes" if TOOLS[name].seals else "no",
               spread(seconds),
               ratio(seconds.median, ebb.median) if ebb else "-",
               ratio(seconds.median, ceiling.seconds) if ceiling else "-",
               amount(figures.spread(name, step, "cpu_seconds"), document.seconds),
               amount(figures.spread(name, step, "machine_cpu_seconds"), document.seconds),
               amount(figures.spread(name, step, "peak_memory_bytes"), document.mib),
               amount(figures.spread(name, step, "added_bytes"), document.mib)]
        rows.append(row)
    lacking, notes = absent(figures, step)
    head = ["tool", "encrypts", "s", "of ebb", "of ceiling", "CPU s", "CPU s, machine",
            "memory, MiB", "added, MiB"]
    if step not in figures.ADDING:
        head, rows = head[:-1], [row[:-1] for row in rows]
    rows += [row + ["-"] * (len(head) - len(row)) for row in lacking]
    told = f"Ceiling: {ceiling.told}, {document.seconds(ceiling.seconds)} s." if ceiling else ""
    return "\n\n".join(part for part in (
        f"### {TITLES[step]}", told,
        document.table(head, rows), notes, restored(figures, step)) if part)


def restored(figures: Figures, step: str) -> str:
    """What the comparison of the restored device with the original said."""
    said = figures.restored(step)
    if not said:
        return ""
    same = [TOOLS[name].label for name, words in said.items() if words == "same"]
    others = [f"{TOOLS[name].label} **restored other bytes** ({words})"
              for name, words in said.items() if words != "same"]
    if not others:
        return "Every restored device held the same bytes as the original."
    return f"The same bytes as the original: {', '.join(same)}. " + "; ".join(others) + "."


def absent(figures: Figures, step: str) -> Tuple[List[List[str]], str]:
    """Rows for the tools that cannot take the step, and the notes that say why."""
    rows: List[List[str]] = []
    reasons: List[str] = []
    for name, tool in TOOLS.items():
        reason = tool.lacks.get(step)
        if reason is None or not figures.measured(name):
            continue
        if reason not in reasons:
            reasons.append(reason)
        rows.append([f"{tool.label} <sup>{reasons.index(reason) + 1}</sup>",
                     "yes" if tool.seals else "no"])
    notes = [f"<sup>{number}</sup> {reason}." for number, reason in enumerate(reasons, 1)]
    return rows, " ".join(notes)


def ratio(value: float, to: float) -> str:
    return f"{value / to:.2f} x" if to > 0 else "-"


def spread(value: Spread) -> str:
    return (f"{document.seconds(value.median)} ({document.seconds(value.least)} - "
            f"{document.seconds(value.most)})")


def amount(value: Optional[Spread], words) -> str:
    return words(value.median) if value is not None else "-"


if __name__ == "__main__":
    sys.exit(main())
