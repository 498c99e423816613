#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""wire.py - what a storage agent costs and how it serves many; bench/wire/run.sh starts it.

Two parts: `ways` takes the same backup and restore embedded, through a unix socket and through TLS;
`sources` lets more and more sources back up at once. However it ends, it leaves no server and no
file but the results.
"""
import argparse
import os
import sys
import tempfile
from typing import List

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import orderly  # noqa: E402
from common.command import CommandFailed  # noqa: E402
from wire import sources, ways  # noqa: E402
from wire.session import Session  # noqa: E402

PARTS = (ways.PART, sources.PART)
UNITS = {"M": 1 << 20, "G": 1 << 30}


def main() -> int:
    options = parse(sys.argv[1:])
    orderly.signals_end_the_run()
    os.makedirs(options.work, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="ebb-wire.", dir=options.work) as work:
            session = Session(work, options.ebb, options.into, options.lock)
            if ways.PART in options.parts:
                ways.measure_ways(session, options.size, options.rounds)
            if sources.PART in options.parts:
                sources.measure_sources(session, options.sources, options.total, options.rounds)
    except CommandFailed as failure:
        print(f"FAILED: {failure}", file=sys.stderr, flush=True)
        return 1
    return 0


def parse(arguments: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.sh", description="Measures what the wire costs.")
    parser.add_argument("--ebb", metavar="PROGRAM", required=True,
                        help="measure this program, and those beside it, instead of building them")
    parser.add_argument("--parts", type=parts, default=list(PARTS), metavar="LIST",
                        help="some of " + ",".join(PARTS))
    parser.add_argument("--size", type=size, default="1G", metavar="SIZE", help="of `ways`")
    parser.add_argument("--total", type=size, default="1G", metavar="SIZE",
                        help="of all sources together")
    parser.add_argument("--sources", type=lambda text: [int(n) for n in text.split(",")],
                        default="1,4,16,32", metavar="LIST")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--into", metavar="FILE", default="build/bench/wire.json",
                        help="results; those of the same part are replaced")
    parser.add_argument("--work", metavar="FOLDER", default=os.environ.get("TMPDIR", "/var/tmp"))
    parser.add_argument("--lock", metavar="FILE", help="hold this lock (flock) while measuring")
    options = parser.parse_args(arguments)
    options.ebb = os.path.abspath(options.ebb)
    return options


def parts(text: str) -> List[str]:
    chosen = text.split(",")
    if set(chosen) - set(PARTS):
        raise argparse.ArgumentTypeError(f"not among {', '.join(PARTS)}")
    return chosen


def size(text: str) -> int:
    if text[-1:] not in UNITS:
        raise argparse.ArgumentTypeError("wants M or G at its end")
    return int(text[:-1]) * UNITS[text[-1]]


if __name__ == "__main__":
    sys.exit(main())
