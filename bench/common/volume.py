# SPDX-License-Identifier: Apache-2.0
"""A volume as people have them: a GPT, and an ext4 file system of this machine's own files.

Two states of it are kept as images, so that every tool sees the same bytes: `base`, and `changed`,
a little later (common/changes.py). About 62 % of it is full; a fifth of the content cannot be
compressed. The same recipe on the same machine chooses the same files; where ext4 puts them and
its time stamps are its own. Images are written in full, zeroes too: a real disk has no holes, which
are quicker to read than it is.
"""
import dataclasses
import json
import os
import random
import shutil
import subprocess
import zlib
from typing import Dict, List, Tuple

from common import changes, images
from common.command import CommandFailed, run
from common.loop import LoopDevice, mounted

FULL_SHARE = 0.60    # Of the volume, in files; the file system's own blocks come on top.
RANDOM_SHARE = 0.20  # Of the files' bytes.
START_SECTOR = 2048


@dataclasses.dataclass(frozen=True)
class Recipe:
    size: int
    seed: int = 1
    changed_share: float = 0.01  # Of all 4 KiB blocks.
    source: str = "/usr"


@dataclasses.dataclass(frozen=True)
class Volume:
    base: str
    changed: str
    size: int
    partition_start: int  # In bytes.
    partition_bytes: int
    facts: Dict[str, object]  # For the records.


def make_volume(folder: str, recipe: Recipe) -> Volume:
    """Makes both images in the folder, or takes those that the same recipe made there before."""
    about = os.path.join(folder, "volume.json")
    try:
        with open(about, encoding="utf-8") as file:
            known = json.load(file)
    except FileNotFoundError:
        known = {}
    wanted = dataclasses.asdict(recipe)
    if known.get("recipe") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        known = {"recipe": wanted, **_make(folder, recipe)}
        with open(about + ".new", "w", encoding="utf-8") as file:
            json.dump(known, file, indent=1)
        os.replace(about + ".new", about)
    start, length = _partition(recipe.size)
    return Volume(base=os.path.join(folder, "base.img"),
                  changed=os.path.join(folder, "changed.img"), size=recipe.size,
                  partition_start=start, partition_bytes=length, facts=known["facts"])


def _partition(size: int) -> Tuple[int, int]:
    # Ends on a MiB before the backup GPT, as partitioning tools do it.
    start = START_SECTOR * 512
    return start, size // (1 << 20) * (1 << 20) - (1 << 20) - start


def _make(folder: str, recipe: Recipe) -> Dict[str, object]:
    made, changed = (os.path.join(folder, name) for name in ("sparse.img", "changed.img"))
    base, mount_point = os.path.join(folder, "base.img"), os.path.join(folder, "mounted")
    start, length = _partition(recipe.size)
    with open(made, "wb") as file:
        file.truncate(recipe.size)
    last = (start + length) // 512 - 1
    run("sgdisk", "--clear", "--disk-guid=5E0C7E5A-0EBB-4EBB-8EBB-000000000001",
        f"--new=1:{START_SECTOR}:{last}", "--partition-guid=1:5E0C7E5A-0EBB-4EBB-8EBB-000000000002",
        "--typecode=1:8300", "--change-name=1:files", made)

    def file_system(image: str) -> LoopDevice:
        return LoopDevice(image, offset=start, size=length)

    with file_system(made) as device:
        run("mkfs.ext4", "-q", "-b", "4096", "-i", "16384", "-L", "ebb-bench",
            "-U", "5e0c7e5a-0ebb-4ebb-8ebb-000000000003",
            "-E", "hash_seed=5e0c7e5a-0ebb-4ebb-8ebb-000000000004,lazy_itable_init=0,"
            "lazy_journal_init=0,nodiscard", device.path)
        with mounted(device.path, mount_point):
            _fill(mount_point, recipe)
    run("cp", "--sparse=never", made, base)
    run("cp", "--sparse=never", made, changed)
    os.unlink(made)
    with file_system(changed) as device, mounted(device.path, mount_point):
        changes.make(mount_point, recipe.seed, int(recipe.size / 4096 * recipe.changed_share))
    os.rmdir(mount_point)
    return {"facts": _facts(base, changed, recipe)}


def _facts(base: str, changed: str, recipe: Recipe) -> Dict[str, object]:
    sizes = (4 << 10, 64 << 10, 1 << 20)
    differing = images.count_blocks(base, changed, sizes)
    return {
        "bytes": recipe.size,
        "bytes_not_zero": images.used_bytes(base, 4096),
        "changed_share": {f"{size >> 10} KiB": round(count * size / recipe.size, 5)
                          for size, count in differing.items()},
        "digest": f"{_checksum(base):08x}",
    }


def _checksum(path: str) -> int:
    """Tells apart volumes of different machines and hours, and nothing more."""
    value = 0
    with open(path, "rb", buffering=0) as file:
        while piece := file.read(1 << 20):
            value = zlib.crc32(piece, value)
    return value


def _fill(mount_point: str, recipe: Recipe) -> None:
    content = int(recipe.size * FULL_SHARE)
    _copy(_choose(recipe, int(content * (1 - RANDOM_SHARE))), mount_point)
    chance = random.Random(recipe.seed)
    folder = os.path.join(mount_point, "incompressible")
    os.mkdir(folder)
    left, number = int(content * RANDOM_SHARE), 0
    while left > 0:
        size = min(left, chance.randrange(recipe.size // 512, recipe.size // 64))
        with open(os.path.join(folder, f"{number:03}"), "wb") as file:
            for at in range(0, size, 1 << 20):
                file.write(chance.randbytes(min(1 << 20, size - at)))
        left, number = left - size, number + 1


def _choose(recipe: Recipe, room: int) -> List[str]:
    """A sample of all files, the same each time, in the order of their paths."""
    found: List[Tuple[int, str, int]] = []
    for folder, folders, names in os.walk(recipe.source):
        folders.sort()
        for name in names:
            path = os.path.join(folder, name)
            try:
                status = os.lstat(path)
            except FileNotFoundError:
                continue  # Gone meanwhile: the system is in use.
            if os.path.isfile(path) and not os.path.islink(path) and "\n" not in path:
                found.append((zlib.crc32(f"{recipe.seed} {path}".encode(errors="replace")), path,
                              status.st_size))
    chosen: List[str] = []
    for _, path, size in sorted(found):
        takes = (size + 4095) // 4096 * 4096
        # One file never makes up much of a volume.
        if takes <= room and size <= recipe.size // 32:
            chosen.append(path)
            room -= takes
        if room < 4096:
            break
    return sorted(chosen)


def _copy(paths: List[str], to: str) -> None:
    listed = "\0".join(path.lstrip("/") for path in paths).encode("utf-8", "surrogateescape")
    packer = subprocess.Popen(["tar", "-C", "/", "--no-recursion", "--null", "--files-from=-",
                               "--ignore-failed-read", "-cf", "-"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    unpacker = subprocess.Popen(["tar", "-C", to, "-xf", "-"], stdin=packer.stdout)
    packer.stdout.close()
    packer.stdin.write(listed)
    packer.stdin.close()
    if unpacker.wait() != 0 or packer.wait() != 0:
        raise CommandFailed("tar could not fill the file system")
