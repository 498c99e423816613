# SPDX-License-Identifier: Apache-2.0
"""Writes a section of a Markdown document between two marker comments, and draws tables.

    <!-- begin NAME: written by bench/peers/report.py -->
    <!-- end NAME -->

What stands outside of the markers is written by people and is never touched.
"""
import os
import re
from typing import List, Sequence


def write_section(path: str, name: str, writer: str, text: str) -> None:
    """Replaces the section, or puts it at the end of the document if it has none of that name."""
    with open(path, encoding="utf-8") as file:
        document = file.read()
    section = (f"<!-- begin {name}: written by {writer} -->\n\n{text.strip()}\n\n"
               f"<!-- end {name} -->")
    pattern = re.compile(rf"<!-- begin {re.escape(name)}\b.*?<!-- end {re.escape(name)} -->", re.S)
    if pattern.search(document):
        document = pattern.sub(lambda _: section, document, count=1)
    else:
        document = document.rstrip("\n") + "\n\n" + section + "\n"
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(document)
    os.replace(path + ".new", path)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column is text, the others are figures."""
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    rules = ["---"] + ["---:"] * (len(head) - 1)
    lines: List[str] = [line(head), line(rules)] + [line(row) for row in rows]
    return "\n".join(lines)


def mib(count: float) -> str:
    return f"{count / (1 << 20):,.0f}"


def seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"
