# SPDX-License-Identifier: Apache-2.0
"""What the figures were measured on: processor, memory, kernel, disk, and the time.

Says nothing that names the machine or its place.
"""
import datetime
import os
import platform
from typing import Dict


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def describe(folder: str) -> Dict[str, object]:
    """The machine, and the disk that the folder is on."""
    system, disk = _file_system_of(folder)
    with open("/etc/os-release", encoding="utf-8") as file:
        names = dict(line.strip().split("=", 1) for line in file if "=" in line)
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "kernel": platform.release(),
        "system": names.get("PRETTY_NAME", "").strip('"'),
        "file_system": system,
        "disk": disk,
    }


def _cpu() -> str:
    fields: Dict[str, str] = {}
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            name, _, value = line.partition(":")
            if not name.strip():
                break
            fields[name.strip()] = value.strip()
    return (f"{fields.get('model name', 'unknown')} (family {fields.get('cpu family', '?')}, "
            f"model {fields.get('model', '?')})")


def _file_system_of(folder: str) -> tuple:
    """ext4, and "virtio disk" or whatever drives the disk below it."""
    device = os.stat(folder).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    system = "unknown"
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            before, _, after = line.partition(" - ")
            if before.split()[2] == number:
                system = after.split()[0]
    disk = os.path.basename(os.path.realpath(f"/sys/dev/block/{number}"))
    if disk.startswith("vd"):
        return system, "virtio disk"
    return system, disk.rstrip("0123456789") or "unknown"
