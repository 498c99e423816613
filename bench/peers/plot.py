# SPDX-License-Identifier: Apache-2.0
"""The plot of the comparison: a panel for each step, a bar for each tool, ebb in colour."""
from common import drawing
from peers.figures import TITLES, Figures
from peers.table import TOOLS


def draw(figures: Figures, path: str) -> None:
    panels = [(title, bars_of(figures, step)) for step, title in TITLES.items()
              if figures.tools(step)]
    figure, all_axes = drawing.pyplot.subplots(
        len(panels), 1, squeeze=False, layout="constrained",
        figsize=(8.5, sum(0.55 + 0.22 * len(bars) for _, bars in panels)),
        gridspec_kw={"height_ratios": [1.5 + len(bars) for _, bars in panels]})
    for axes, (title, bars) in zip(all_axes[:, 0], panels):
        drawing.draw_bars(axes, f"{title}, seconds", bars, max(bar.most for bar in bars))
    drawing.save(figure, path)


def bars_of(figures: Figures, step: str) -> list:
    bars = []
    for name in figures.tools(step):
        seconds = figures.seconds(name, step)
        label = TOOLS[name].label + ("" if TOOLS[name].seals else " (not encrypted)")
        bars.append(drawing.Bar(label, *seconds[:3],
                                drawing.EBB if name == "ebb" else drawing.OTHER))
    ceiling = figures.ceiling(step)
    if ceiling is not None and ceiling.name != "dd":  # dd has a bar of its own.
        bars.append(drawing.Bar(f"ceiling: {ceiling.name}", *[ceiling.seconds] * 3,
                                drawing.CEILING))
    return sorted(bars, key=lambda bar: bar.value)
