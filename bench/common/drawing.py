# SPDX-License-Identifier: Apache-2.0
"""The look of the plots: small SVG on white, text as text, the same bytes for the same figures.

Needs Debian's python3-matplotlib, and only this module does, so that measuring runs without it.
Draws what it is given; does not know what the figures mean.
"""
import os
from typing import NamedTuple, Sequence

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({
    "svg.fonttype": "none",
    "svg.hashsalt": "ebb",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
})

from matplotlib import pyplot  # noqa: E402  (the backend is chosen first)

EBB = "#c2410c"      # The subject.
OTHER = "#94a3b8"    # What it is compared with.
CEILING = "#475569"  # What the machine can do at all.
SERIES = ("#c2410c", "#0369a1", "#4d7c0f", "#7e22ce", "#a16207", "#475569")  # Lines of one plot.


class Bar(NamedTuple):
    label: str
    value: float
    least: float
    most: float
    colour: str


def save(figure: "pyplot.Figure", path: str) -> None:
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    figure.savefig(path + ".new", format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    os.replace(path + ".new", path)


def draw_bars(axes: "pyplot.Axes", title: str, bars: Sequence[Bar], most: float) -> None:
    """Horizontal bars, the first at the top, with their figures and the spread of the rounds."""
    places = range(len(bars), 0, -1)
    axes.barh(places, [bar.value for bar in bars], color=[bar.colour for bar in bars], height=0.72)
    axes.errorbar([bar.value for bar in bars], places, fmt="none", ecolor="#0f172a", elinewidth=0.8,
                  xerr=[[bar.value - bar.least for bar in bars],
                        [bar.most - bar.value for bar in bars]])
    axes.set_yticks(list(places), [bar.label for bar in bars])
    for place, bar in zip(places, bars):
        axes.text(bar.most + most * 0.01, place, f"{bar.value:.3g}", va="center",
                  fontweight="bold" if bar.colour == EBB else "normal")
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, most * 1.12)
    axes.set_title(title)
