#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""peers.py - measures ebb and its peers on one volume, in turn; bench/peers/run.sh starts it.

A round takes every tool through its steps (tool.py) on a store of its own, with a cold cache before
each step and everything synced within the time measured. In the first round what was restored is
compared byte for byte with what was backed up. Results go to a JSON file after each tool.
However it ends, it leaves no loop device, no mount and no file but the results (and with --work
the images of the volume, which the next run then takes again).
"""
import argparse
import contextlib
import dataclasses
import os
import secrets
import shutil
import sys
import tempfile
from typing import Iterator, List, Optional

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import cache, images, machine, orderly, results  # noqa: E402
from common.command import CommandFailed, run  # noqa: E402
from common.loop import LoopDevice, empty_device  # noqa: E402
from common.measure import Measurement, cores_busy, disk_bytes, measure  # noqa: E402
from common.volume import Recipe, Volume, make_volume  # noqa: E402
from peers.table import TOOLS  # noqa: E402
from peers.tool import (BACKUPS, CHANGED, IN_PLACE, READ, RESTORES, STEPS, VERIFY,  # noqa: E402
                        WRITE, Tool, World)


@dataclasses.dataclass
class Session:
    """What is the same for all measurements of one run."""
    work: str
    volume: Volume
    about: dict  # Goes into every record.
    caches: List[str]


def main() -> int:
    options = parse(sys.argv[1:])
    orderly.signals_end_the_run()
    failed: List[str] = []
    with work_folder(options.work) as work, \
            orderly.Turn(options.lock, options.lock_seconds) as turn:
        print(f"making the volume below {work}" if not os.path.isdir(f"{work}/volume")
              else f"taking the volume below {work}", flush=True)
        volume = make_volume(os.path.join(work, "volume"),
                             Recipe(size=options.size << 20, source=options.source))
        session = Session(work, volume, caches=options.cache, about={
            "benchmark": "peers", "session": machine.now(), "machine": machine.describe(work),
            "volume": volume.facts})
        old = results.load(options.into) if os.path.exists(options.into) else []
        new: List[results.Record] = []
        for number in range(1, options.rounds + 1):
            for name in options.tools:
                turn.take()
                try:
                    new += one_round(session, name, number, options.ebb)
                except CommandFailed as failure:
                    failed.append(f"{name}, round {number}: {failure}")
                    print(f"FAILED: {failed[-1]}", file=sys.stderr, flush=True)
                turn.give_way()
                results.save(options.into, results.merged(old, new, ("benchmark", "tool", "cache")))
    wrong = [f"{record['tool']} ({record['step']}): {record['restored']}" for record in new
             if record.get("restored", "same") != "same"]
    for line in wrong:
        print(f"restored something else: {line}", flush=True)
    if any(line.startswith("ebb ") for line in wrong):
        failed.append("ebb restored wrong bytes")
    print(f"{len(new)} measurements in {options.into}", flush=True)
    return 1 if failed else 0


def parse(arguments: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.sh", description="Measures ebb and its peers.")
    parser.add_argument("--ebb", metavar="PROGRAM", required=True,
                        help="measure this program instead of building a release")
    parser.add_argument("--tools", default=",".join(TOOLS), metavar="LIST",
                        help="some of " + ",".join(TOOLS))
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--size", type=int, default=4096, metavar="MIB", help="of the volume")
    parser.add_argument("--source", default="/usr", metavar="FOLDER", help="whose files fill it")
    parser.add_argument("--cache", choices=(*cache.KINDS, "both"), default="cold")
    parser.add_argument("--into", metavar="FILE", default="build/bench/peers.json",
                        help="results; those of the tools that are measured are replaced")
    parser.add_argument("--work", metavar="FOLDER",
                        help="work here, and keep the volume for the next run")
    parser.add_argument("--lock", metavar="FILE", help="hold this lock (flock) while measuring")
    parser.add_argument("--lock-seconds", type=float, default=180, metavar="N",
                        help="let others take it between two tools once it was held so long")
    options = parser.parse_args(arguments)
    options.cache = list(cache.KINDS) if options.cache == "both" else [options.cache]
    options.tools = options.tools.split(",")
    unknown = [name for name in options.tools if name not in TOOLS]
    if unknown:
        parser.error(f"no such tool: {', '.join(unknown)}")
    if options.rounds < 1 or options.size < 64:
        parser.error("wants at least one round and 64 MiB")
    options.ebb = os.path.abspath(options.ebb)
    return options


@contextlib.contextmanager
def work_folder(wanted: Optional[str]) -> Iterator[str]:
    if wanted is not None:
        os.makedirs(wanted, exist_ok=True)
        yield os.path.abspath(wanted)
        return
    with tempfile.TemporaryDirectory(prefix="ebb-peers.",
                                     dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        yield folder


def one_round(session: Session, name: str, number: int, ebb: str) -> List[results.Record]:
    """One tool through all its steps, on a new store that is gone afterwards."""
    records: List[results.Record] = []
    for kind in session.caches:
        folder = tempfile.mkdtemp(prefix=f"{name}.", dir=session.work)
        try:
            passphrase_file = os.path.join(folder, "passphrase")
            with open(passphrase_file, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(18))
            tool = TOOLS[name](World(folder, passphrase_file, ebb))
            tool.prepare()
            for step in STEPS:
                record = one_step(session, tool, step, kind, compare=number == 1)
                if record is not None:
                    record["round"] = number
                    records.append(record)
                    print(f"round {number} {kind} {name:10} {step:10} {record['seconds']:7.2f} s "
                          f"{record['cpu_seconds']:7.2f} CPU s "
                          f"{record['peak_memory_bytes'] >> 20:5} MiB", flush=True)
        finally:
            shutil.rmtree(folder)
    return records


def one_step(session: Session, tool: Tool, step: str, kind: str,
             compare: bool) -> Optional[results.Record]:
    if tool.command(step, "") is None:
        return None
    with device_for(session, tool, step) as device:
        before = disk_bytes(tool.store)
        source = [device.path] if device is not None and step not in RESTORES else []
        cache.prepare(kind, source + ([] if step in BACKUPS else [tool.store]))
        command = tool.command(step, device.path if device is not None else None)
        others = cores_busy(0.3)
        measured = measure(command, environment=tool.environment,
                           settle=lambda: settle(session, device))
        stored = disk_bytes(tool.store)
        seconds = tool.took(step, measured.output)
        record = record_of(session, tool, step, kind, measured, seconds)
        record["cores_busy_before"] = round(others, 2)
        if step in BACKUPS:
            record.update(stored_bytes=stored, added_bytes=stored - before)
        elif step == VERIFY:
            record.update(stored_bytes=stored)
        if step in RESTORES and compare:
            record["restored"] = compared(session, tool, device)
    return record


@contextlib.contextmanager
def device_for(session: Session, tool: Tool, step: str) -> Iterator[Optional[LoopDevice]]:
    """What the step reads or writes: a state of the volume, or an empty or a differing device."""
    volume = session.volume
    target = os.path.join(session.work, "target.img")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(target)  # Of a run that was killed.
    with contextlib.ExitStack() as stack:
        if step in BACKUPS or step == READ:
            image = volume.changed if step == CHANGED else volume.base
            yield stack.enter_context(part_of(volume, tool, image, read_only=True))
        elif step == IN_PLACE:
            stack.callback(os.unlink, target)
            run("cp", "--sparse=never", volume.changed, target)
            yield stack.enter_context(part_of(volume, tool, target))
        elif step in RESTORES or step == WRITE:
            yield stack.enter_context(empty_device(
                target, volume.size if tool.whole_disk else volume.partition_bytes))
        else:
            yield None


def part_of(volume: Volume, tool: Tool, image: str, read_only: bool = False) -> LoopDevice:
    if tool.whole_disk:
        return LoopDevice(image, read_only=read_only)
    return LoopDevice(image, offset=volume.partition_start, size=volume.partition_bytes,
                      read_only=read_only)


def settle(session: Session, device: Optional[LoopDevice]) -> None:
    """A step ends when its bytes are on the disk: first through the loop device, then below it."""
    if device is not None:
        device.settle()
    os.sync()


def compared(session: Session, tool: Tool, device: LoopDevice) -> str:
    run("blockdev", "--flushbufs", device.path)
    with part_of(session.volume, tool, session.volume.base, read_only=True) as expected:
        return images.first_difference(expected.path, device.path) or "same"


def record_of(session: Session, tool: Tool, step: str, kind: str, measured: Measurement,
              seconds: Optional[float]) -> results.Record:
    return {
        **session.about,
        "tool": tool.name,
        "version": tool.version(),
        "step": step,
        "cache": kind,
        "date": machine.now(),
        "seconds": round(measured.wall_seconds if seconds is None
                         else seconds + measured.settle_seconds, 3),
        "wall_seconds": round(measured.wall_seconds, 3),
        "cpu_seconds": round(measured.cpu_seconds, 3),
        "machine_cpu_seconds": round(measured.machine_cpu_seconds, 3),
        "peak_memory_bytes": measured.peak_memory_bytes,
    }


if __name__ == "__main__":
    sys.exit(main())
