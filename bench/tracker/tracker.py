#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tracker.py - what the change tracker costs the device that it tracks; run.sh starts it.

fio on a loop device with direct I/O, with the tracker attached and without it in turn, the order
changing from round to round; each pair is compared with itself only, for the speed of a disk drifts.
`none` is no tracker in both turns: how far two equal measurements lie apart here.
However it ends, it leaves no loop device and no tracker.
"""
import argparse
import json
import os
import statistics
import sys
import tempfile
from typing import Dict, List

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import document, machine, orderly, results  # noqa: E402
from common.command import CommandFailed, run  # noqa: E402
from common.loop import LoopDevice  # noqa: E402

# Name, and what fio is told. The small writes are the dearest: a mark and a memory for each.
LOADS: Dict[str, List[str]] = {
    "write 4 KiB, random, depth 32": ["--rw=randwrite", "--bs=4k", "--iodepth=32"],
    "write 4 KiB, random, depth 1": ["--rw=randwrite", "--bs=4k", "--iodepth=1"],
    "write 1 MiB, depth 8": ["--rw=write", "--bs=1m", "--iodepth=8"],
    "read 4 KiB, random, depth 32": ["--rw=randread", "--bs=4k", "--iodepth=32"],
}


def main() -> int:
    options = parse(sys.argv[1:])
    orderly.signals_end_the_run()
    os.makedirs(options.work, exist_ok=True)
    records: List[results.Record] = []
    try:
        with tempfile.TemporaryDirectory(prefix="ebb-tracker.", dir=options.work) as work, \
                orderly.Turn(options.lock, options.lock_seconds) as turn:
            image = os.path.join(work, "image")
            with open(image, "xb") as file:
                os.posix_fallocate(file.fileno(), 0, options.size << 20)
            with LoopDevice(image) as device:
                turn.take()
                fio(device.path, ["--rw=write", "--bs=1m", "--iodepth=8"], options.size / 100)
                for number in range(options.rounds):
                    for load in LOADS:
                        turn.take()
                        records += pair(device.path, load, number, options)
                        turn.give_way()
            conditions = machine.describe(work)
    except CommandFailed as failure:
        print(f"FAILED: {failure}", file=sys.stderr, flush=True)
        return 1
    for record in records:
        record.update(conditions, benchmark="tracker", at=machine.now())
    results.save(options.into, records)
    print(table(records))
    return 0


def pair(device: str, load: str, number: int, options: argparse.Namespace) -> List[results.Record]:
    """One measurement with and one without, and the same once more with none at all."""
    found = []
    for what in ("tracker", "none"):
        speeds = {}
        for tracked in ((True, False) if number % 2 else (False, True)):
            if tracked and what == "tracker":
                run(options.ebb, "track", "start", device, "--block-size", options.block_size)
            try:
                speeds[tracked] = fio(device, LOADS[load], options.seconds)
            finally:
                if tracked and what == "tracker":
                    run(options.ebb, "track", "stop", device)
        found.append({"load": load, "what": what, "round": number, "iops": speeds[False],
                      "iops_tracked": speeds[True], "ratio": speeds[True] / speeds[False]})
        print(f"{load}, {what}: {found[-1]['ratio']:.4f}", flush=True)
    return found


def fio(device: str, load: List[str], seconds: float) -> float:
    """Operations a second."""
    said = json.loads(run("fio", "--name=load", f"--filename={device}", "--direct=1",
                          "--ioengine=io_uring", "--time_based=1", f"--runtime={seconds:g}s",
                          "--output-format=json", *load))
    job = said["jobs"][0]
    return job["read"]["iops"] + job["write"]["iops"]


def table(records: List[results.Record]) -> str:
    rows = []
    for load in LOADS:
        row = [load]
        for what in ("tracker", "none"):
            mine = results.matching(records, load=load, what=what)
            ratio = results.spread(mine, "ratio")
            assert ratio is not None
            row.append(f"{100 * (1 - ratio.median):+.1f} % "
                       f"({100 * (1 - ratio.most):+.1f} to {100 * (1 - ratio.least):+.1f})")
        speed = statistics.median(float(r["iops"]) for r in results.matching(records, load=load))
        rows.append(row + [f"{speed:,.0f}"])
    return document.table(["load", "lost to the tracker", "none against none", "operations/s"], rows)


def parse(arguments: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.sh", description="Measures what tracking costs.")
    parser.add_argument("--ebb", metavar="PROGRAM", required=True,
                        help="measure this program instead of building a release")
    parser.add_argument("--rounds", type=int, default=10, metavar="N")
    parser.add_argument("--seconds", type=float, default=3, metavar="S", help="of each measurement")
    parser.add_argument("--size", type=int, default=1024, metavar="MIB", help="of the device")
    parser.add_argument("--block-size", default="64K", metavar="SIZE", help="of a mark")
    parser.add_argument("--into", metavar="FILE", default="build/bench/tracker.json")
    parser.add_argument("--work", metavar="FOLDER", default=os.environ.get("TMPDIR", "/var/tmp"))
    parser.add_argument("--lock", metavar="FILE", help="hold this lock (flock) while measuring")
    parser.add_argument("--lock-seconds", type=float, default=240, metavar="SECONDS",
                        help="give way to others after this long")
    options = parser.parse_args(arguments)
    options.ebb = os.path.abspath(options.ebb)
    return options


if __name__ == "__main__":
    sys.exit(main())
