#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tracker.py - what the change tracker costs the device that it tracks; run.sh starts it.

One fio on a loop device with direct I/O, under which the tracker is attached and detached in turn; how
many operations the kernel counts in a second with it is compared with the seconds before and after
only, for the speed of a disk drifts. `none` does the same with a tracker of a device that is not
written: what two nearly equal measurements differ by here. Beside it, what the programs take of the processor for each
operation, as the kernel counts it (bpf_stats_enabled; its own clock is in that figure).
However it ends, it leaves no loop device and no tracker.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Dict, List

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import document, machine, orderly, results  # noqa: E402
from common.command import CommandFailed, run  # noqa: E402
from common.loop import LoopDevice  # noqa: E402

STATS = "/proc/sys/kernel/bpf_stats_enabled"

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
            image, idle_image = os.path.join(work, "image"), os.path.join(work, "idle")
            for path, size in ((image, options.size << 20), (idle_image, 1 << 20)):
                with open(path, "xb") as file:
                    os.posix_fallocate(file.fileno(), 0, size)
            with LoopDevice(image) as device, LoopDevice(idle_image) as idle:
                turn.take()
                run("dd", "if=/dev/zero", f"of={device.path}", "bs=1M", "oflag=direct",
                    f"count={options.size}")
                for load in LOADS:
                    for what, tracked in (("tracker", device.path), ("none", idle.path)):
                        turn.take()
                        records.append(measured(device.path, tracked, load, what, options))
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


def measured(device: str, tracked: str, load: str, what: str,
             options: argparse.Namespace) -> results.Record:
    """The ratios of operations a second with the tracker to those around it without."""
    fio = subprocess.Popen(
        ["fio", "--name=load", f"--filename={device}", "--direct=1", "--ioengine=io_uring",
         "--time_based=1", "--runtime=3600s", "--output=/dev/null", *LOADS[load]],
        stdin=subprocess.DEVNULL)
    try:
        time.sleep(1)
        ratios, without = [], [speed(device, options.seconds)]
        for _ in range(options.rounds):
            run(options.ebb, "track", "start", tracked, "--block-size", options.block_size)
            try:
                with_it = speed(device, options.seconds)
            finally:
                run(options.ebb, "track", "stop", tracked)
            without.append(speed(device, options.seconds))
            ratios.append(2 * with_it / (without[-2] + without[-1]))
        nanoseconds = cost(device, tracked, options) if what == "tracker" else 0.0
    finally:
        fio.terminate()
        fio.wait()
    ratios.sort()
    record = {"load": load, "what": what, "rounds": options.rounds, "ratio": ratios[len(ratios) // 2],
              "ratio_quarter": ratios[len(ratios) // 4], "ratio_three": ratios[3 * len(ratios) // 4],
              "operations": statistics.median(without), "nanoseconds": nanoseconds}
    print(f"{load}, {what}: {record['ratio']:.4f}, {nanoseconds:.0f} ns", flush=True)
    return record


def operations(device: str) -> int:
    """Reads and writes completed, as the kernel counts them."""
    with open(f"/sys/block/{os.path.basename(device)}/stat", encoding="ascii") as file:
        fields = file.read().split()
    return int(fields[0]) + int(fields[4])


def speed(device: str, seconds: float) -> float:
    time.sleep(0.1)  # What was there before the tracker came or went is through.
    began, before = time.monotonic(), operations(device)
    time.sleep(seconds)
    return (operations(device) - before) / (time.monotonic() - began)


def cost(device: str, tracked: str, options: argparse.Namespace) -> float:
    """Nanoseconds of the tracker's programs for each operation of the device."""
    run(options.ebb, "track", "start", tracked, "--block-size", options.block_size)
    try:
        with open(STATS, "w", encoding="ascii") as file:
            file.write("1")
        before = operations(device)
        time.sleep(options.seconds)
        count = operations(device) - before
        programs = json.loads(run("bpftool", "--json", "prog", "show"))
        spent = sum(p.get("run_time_ns", 0) for p in programs
                    if p.get("name", "").startswith("track_"))
    finally:
        with open(STATS, "w", encoding="ascii") as file:
            file.write("0")
        run(options.ebb, "track", "stop", tracked)
    return spent / max(count, 1)


def table(records: List[results.Record]) -> str:
    rows = []
    for load in LOADS:
        row = [load]
        for what in ("tracker", "none"):
            record = results.matching(records, load=load, what=what)[0]
            lost = [100 * (1 - float(record[name]))
                    for name in ("ratio", "ratio_three", "ratio_quarter")]
            row.append(f"{lost[0]:+.1f} % ({lost[1]:+.1f} to {lost[2]:+.1f})")
        record = results.matching(records, load=load, what="tracker")[0]
        each = 1e9 / float(record["operations"])
        rows.append(row + [f"{record['operations']:,.0f}", f"{record['nanoseconds']:,.0f}",
                           f"{100 * float(record['nanoseconds']) / each:.2f} %"])
    return document.table(["load", "lost to the tracker", "to one on an idle device",
                           "operations/s", "ns each", "of one processor"], rows)


def parse(arguments: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.sh", description="Measures what tracking costs.")
    parser.add_argument("--ebb", metavar="PROGRAM", required=True,
                        help="measure this program instead of building a release")
    parser.add_argument("--rounds", type=int, default=40, metavar="N",
                        help="times that the tracker is attached, for each load")
    parser.add_argument("--seconds", type=float, default=0.5, metavar="S", help="of each measurement")
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
