#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""scale.py - how the cost and the memory of ebb grow; bench/scale/run.sh starts it.

Four parts: `memory` on devices of terabytes, `volume` as the volume grows, `source` as a device
grows whose changes are tracked, `points` as the number of recovery points grows. Results go to a JSON file after each step. However it ends, it leaves no
loop device, no mount and no file but the results.
"""
import argparse
import os
import sys
import tempfile
from typing import List

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import orderly  # noqa: E402
from common.command import CommandFailed  # noqa: E402
from scale import memory, points, sources, volumes  # noqa: E402
from scale.session import Session  # noqa: E402

PARTS = (memory.PART, volumes.PART, sources.PART, points.PART)
UNITS = {"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def main() -> int:
    options = parse(sys.argv[1:])
    orderly.signals_end_the_run()
    os.makedirs(options.work, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="ebb-scale.", dir=options.work) as work:
            session = Session(work, options.ebb, options.into, options.lock,
                              options.lock_wait)
            if memory.PART in options.parts:
                memory.measure(session, options.memory_sizes, options.blocks, options.changed // 2,
                               options.limit)
            if volumes.PART in options.parts:
                volumes.measure(session, volumes.SPARSE, options.sparse_sizes,
                                min(options.blocks, 8000), options.changed, options.rounds)
                volumes.measure(session, volumes.FULL, options.full_sizes, 0, options.changed,
                                options.rounds)
            if sources.PART in options.parts:
                sources.measure(session, options.source_sizes, options.blocks, options.rounds)
            if points.PART in options.parts:
                points.measure(session, options.point_size, options.points, [1, 10, 100])
    except CommandFailed as failure:
        print(f"FAILED: {failure}", file=sys.stderr, flush=True)
        return 1
    wrong = [record for record in session.new if record.get("restored", "same") != "same"]
    for record in wrong:
        print(f"restored something else: {record['restored']}", file=sys.stderr, flush=True)
    print(f"{len(session.new)} measurements in {options.into}", flush=True)
    return 1 if wrong else 0


def parse(arguments: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.sh", description="Measures how ebb's cost grows.")
    parser.add_argument("--ebb", metavar="PROGRAM", required=True,
                        help="measure this program instead of building a release")
    parser.add_argument("--parts", type=parts, default=list(PARTS), metavar="LIST",
                        help="some of " + ",".join(PARTS))
    parser.add_argument("--memory-sizes", type=sizes, default="1T,8T,64T", metavar="LIST")
    parser.add_argument("--blocks", type=int, default=20000, metavar="N",
                        help="64 KiB each, of data in sparse images (volume: at most 8,000)")
    parser.add_argument("--changed", type=int, default=2000, metavar="N",
                        help="blocks that change between two backups (memory: half of it)")
    parser.add_argument("--limit", type=float, default=240, metavar="SECONDS",
                        help="end a step of `memory` that takes longer, and say so")
    parser.add_argument("--sparse-sizes", type=sizes, default="1G,4G,16G,64G", metavar="LIST")
    parser.add_argument("--full-sizes", type=sizes, default="1G,2G,4G", metavar="LIST")
    parser.add_argument("--source-sizes", type=sizes, default="4G,64G,1T", metavar="LIST")
    parser.add_argument("--rounds", type=int, default=3, metavar="N",
                        help="of `volume` and `source`")
    parser.add_argument("--point-size", type=size, default="256M", metavar="SIZE")
    parser.add_argument("--points", type=int, default=1000, metavar="N")
    parser.add_argument("--into", metavar="FILE", default="build/bench/scale.json",
                        help="results; those of the same part and size are replaced")
    parser.add_argument("--work", metavar="FOLDER", default=os.environ.get("TMPDIR", "/var/tmp"))
    parser.add_argument("--lock", metavar="FILE",
                        help="hold this lock (flock) while measuring, where it can be had in time")
    parser.add_argument("--lock-wait", type=float, default=60, metavar="SECONDS",
                        help="how long a step waits for the lock before it goes without it")
    options = parser.parse_args(arguments)
    options.ebb = os.path.abspath(options.ebb)
    return options


def parts(text: str) -> List[str]:
    chosen = text.split(",")
    if set(chosen) - set(PARTS):
        raise argparse.ArgumentTypeError(f"not among {', '.join(PARTS)}")
    return chosen


def sizes(text: str) -> List[int]:
    return [size(one) for one in text.split(",")]


def size(text: str) -> int:
    if text[-1:] not in UNITS:
        raise argparse.ArgumentTypeError("wants M, G or T at its end")
    return int(text[:-1]) * UNITS[text[-1]]


if __name__ == "__main__":
    sys.exit(main())
