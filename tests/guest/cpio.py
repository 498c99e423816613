# SPDX-License-Identifier: Apache-2.0
"""Archives of programs that the kernel unpacks into the guest's root, after the base image.

Format: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst ("newc"). Each program
comes without its debug information and with the libraries that the base image does not have.
"""
import os
import re
import subprocess
import tempfile
from typing import Dict, Iterable, Iterator, Set

FOLDER, FILE = 0o040755, 0o100755


def entry(number: int, name: str, mode: int, data: bytes = b"") -> Iterator[bytes]:
    """One file or folder, named from the root without a slash before it."""
    path = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    yield head + bytes(-len(head) % 4)
    yield data
    yield bytes(-len(data) % 4)


def archive(files: Dict[str, bytes]) -> bytes:
    """`files` by their paths, and the folders that they are in."""
    folders: Set[str] = set()
    for path in files:
        parts = path.strip("/").split("/")
        folders.update("/".join(parts[:n]) for n in range(1, len(parts)))
    pieces = []
    for number, folder in enumerate(sorted(folders), 1):
        pieces += entry(number, folder, FOLDER)
    for number, (path, data) in enumerate(sorted(files.items()), len(folders) + 1):
        pieces += entry(number, path.strip("/"), FILE, data)
    pieces += entry(0, "TRAILER!!!", 0)
    whole = b"".join(pieces)
    return whole + bytes(-len(whole) % 512)


def stripped(program: str) -> bytes:
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["strip", "-o", out.name, program], check=True)
        with open(out.name, "rb") as file:  # strip makes the file anew.
            return file.read()


def libraries(program: str) -> Iterable[str]:
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    if "not found" in said:
        raise RuntimeError(f"{program} does not run here:\n{said}")
    return re.findall(r"=> (/\S+)", said)


def programs(paths: Dict[str, str], there: Set[str]) -> bytes:
    """An archive of `paths` (in the guest: on the host) and the libraries that are not `there`."""
    files = {inside: stripped(outside) for inside, outside in paths.items()}
    for outside in paths.values():
        for library in libraries(outside):
            inside = "/lib/x86_64-linux-gnu/" + os.path.basename(library)
            if inside not in there and inside not in files:
                with open(library, "rb") as file:
                    files[inside] = file.read()
    return archive(files)
