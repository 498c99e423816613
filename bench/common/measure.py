# SPDX-License-Identifier: Apache-2.0
"""Runs one command and measures it: wall and CPU seconds, peak memory of its whole tree.

CPU seconds are user and system time of every process of the tree, io_uring's workers included,
which are threads of it; what kernel threads do for a device (a loop device's workers) is in no
process, so the busy time of the whole machine is recorded beside it. Memory is resident memory,
without the page cache: the sum of the peaks of all processes that live at the same time, sampled,
or what the kernel remembers of the largest one, whichever is more. Knows nothing of what it runs.
"""
import contextlib
import dataclasses
import os
import resource
import signal
import subprocess
import tempfile
import threading
import time
from typing import Callable, Dict, Optional, Sequence, Union

from common.command import CommandFailed

SAMPLE_SECONDS = 0.05


@dataclasses.dataclass
class Measurement:
    wall_seconds: float         # Until what was written is on the disk.
    settle_seconds: float       # The part of it in which that was synced.
    cpu_seconds: float          # Of the command's processes.
    machine_cpu_seconds: float  # Of everything that ran meanwhile, kernel threads too.
    peak_memory_bytes: int
    output: str                 # What it printed.


def measure(command: Union[str, Sequence[str]], *, settle: Optional[Callable[[], None]] = None,
            environment: Optional[Dict[str, str]] = None,
            accept: Sequence[int] = (0,)) -> Measurement:
    """Runs a program, or a pipeline of bash. settle() syncs what it wrote, in the time measured."""
    arguments = ["bash", "-o", "pipefail", "-c", command] if isinstance(command, str) else command
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        own_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        busy = _busy_seconds()
        began = time.monotonic()
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                                   start_new_session=True, env=environment)
        sampler = _MemorySampler(process.pid)
        try:
            usage = _wait(process)
        finally:
            sampler.stop()
            _end_session(process)
        ended = time.monotonic()
        if settle is not None and process.returncode in accept:
            settle()
        now = time.monotonic()
        busy = _busy_seconds() - busy
        text = _text(out)
        if process.returncode not in accept:
            raise CommandFailed(f"{command}: exit {process.returncode}: {text[-1000:]}"
                                f"{_text(errors)[-2000:]}")
    # The kernel counts this process's own memory for the moment between fork and exec, too.
    largest = usage.ru_maxrss * 1024
    return Measurement(wall_seconds=now - began, settle_seconds=now - ended,
                       cpu_seconds=usage.ru_utime + usage.ru_stime, machine_cpu_seconds=busy,
                       peak_memory_bytes=max(sampler.peak, largest if largest > own_peak else 0),
                       output=text)


def cores_busy(seconds: float) -> float:
    """How many cores something else keeps busy just now; to be asked before a measurement."""
    busy, began = _busy_seconds(), time.monotonic()
    time.sleep(seconds)
    return (_busy_seconds() - busy) / (time.monotonic() - began)


def disk_bytes(path: str) -> int:
    """What a file or a folder takes on the disk."""
    total = os.lstat(path).st_blocks * 512
    for folder, folders, names in os.walk(path):
        total += sum(os.lstat(os.path.join(folder, name)).st_blocks * 512
                     for name in folders + names)
    return total


def _wait(process: subprocess.Popen) -> resource.struct_rusage:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


def _end_session(process: subprocess.Popen) -> None:
    """After an interrupt: nothing that was started goes on, the rest of a pipeline neither."""
    if process.returncode is not None:
        return
    for ending, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, ending)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            process.poll()
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.02)


def _text(file) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _busy_seconds() -> float:
    with open("/proc/stat", encoding="ascii") as file:
        ticks = list(map(int, file.readline().split()[1:]))
    user, nice, system, _idle, _wait_for_io, interrupts, soft_interrupts = ticks[:7]
    return (user + nice + system + interrupts + soft_interrupts) / os.sysconf("SC_CLK_TCK")


class _MemorySampler:
    """Looks at a process and its descendants now and then."""

    def __init__(self, root: int) -> None:
        self.peak = 0
        self._root = root
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        # The first look comes soon, because some commands are short.
        pause = 0.005
        while not self._ended.wait(pause):
            self.peak = max(self.peak, self._tree_bytes())
            pause = min(pause * 2, SAMPLE_SECONDS)

    def _tree_bytes(self) -> int:
        total, waiting = 0, [self._root]
        while waiting:
            process = waiting.pop()
            try:
                total += _peak_of(process)
                waiting += _children_of(process)
            except (FileNotFoundError, ProcessLookupError):
                pass  # It ended while we looked.
        return total


def _peak_of(process: int) -> int:
    with open(f"/proc/{process}/status", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _children_of(process: int) -> list:
    found = []
    for task in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{task}/children", encoding="ascii") as file:
            found += map(int, file.read().split())
    return found
