# SPDX-License-Identifier: Apache-2.0
"""The tables of the section, one function a part; each gives Markdown for its records."""
from typing import List, Optional

from common import document, results
from common.figures import median, size_words
from common.results import Record
from scale import memory as memory_part, points as points_part, sources as sources_part
from scale import volumes as volumes_part
from scale.figures import groups, sizes

STEP_WORDS = {"first": "first backup", "unchanged": "nothing changed", "changed": "changed",
              "verify": "verify the latest", "scrub": "scrub", "restore": "restore to a new image",
              "read": "fio reading it", "tracked": "changed, tracked", "scanned": "changed, scanned", "points": "list them", "backup": "backup"}


def memory(records: List[Record]) -> str:
    blocks, changed = int(records[0]["blocks"]), int(records[0]["blocks_rewritten"])
    rows, ended = [], False
    for size in sizes(records):
        for step in memory_part.STEPS:
            for record in results.matching(records, size=size, step=step):
                early = bool(record["ended_early"])
                ended = ended or early
                rows.append([f"{size_words(size)}, {STEP_WORDS[step]}",
                             ("ended after " if early else "") +
                             document.seconds(float(record["seconds"])),
                             document.seconds(float(record["cpu_seconds"])),
                             document.mib(float(record["peak_memory_bytes"])),
                             _mib(record.get("added_bytes"))])
    most = max(float(record["peak_memory_bytes"]) for record in records)
    text = (f"### A large device with little in it\n\nSparse images in XFS with {blocks:,} blocks "
            "of 64 KiB scattered through each, half of them incompressible; \"changed\" is after "
            f"{changed:,} more. Cold cache. The most memory of any step: {document.mib(most)} "
            "MiB.\n\n" + document.table(
                ["device and step", "s", "CPU s", "memory, MiB", "stored, MiB"], rows))
    same = sum(record.get("restored") == "same" for record in records)
    if same:
        text += (f"\n\nRestored images that were compared with their original: {same}, and each "
                 "holds the same bytes.")
    if ended:
        text += ("\n\nA step that was ended took longer than the limit of the run; its memory is "
                 "what it had needed until then.")
    return text


def volumes(records: List[Record]) -> str:
    changed = int(records[0]["blocks_rewritten"])
    rows = []
    for kind in volumes_part.KINDS:
        of_kind = results.matching(records, kind=kind)
        for size in sizes(of_kind):
            of_size = results.matching(of_kind, size=size)
            read = median(results.matching(of_size, step=volumes_part.READ), "seconds")
            for step in (volumes_part.UNCHANGED, volumes_part.CHANGED):
                of_step = results.matching(of_size, step=step)
                seconds = median(of_step, "seconds")
                rows.append([f"{kind}, {size_words(size)}, {STEP_WORDS[step]}",
                             document.mib(float(of_step[0]["data_bytes"])),
                             document.seconds(seconds),
                             document.seconds(read) if read is not None else "-",
                             document.seconds(median(of_step, "cpu_seconds")),
                             document.mib(median(of_step, "peak_memory_bytes")),
                             _mib(median(of_step, "added_bytes"))])
    rounds = max(int(record["round"]) for record in records)
    rounds_words = f"{rounds} rounds, medians" if rounds > 1 else "one round"
    return (f"### A volume that grows, with the same change\n\n{changed:,} blocks of 64 KiB "
            f"rewritten before each changed backup, {rounds_words}, cold cache. A sparse volume "
            "holds the same data whatever its size; a full one must be read to its end, which fio "
            "does in the seconds beside.\n\n" + document.table(
                ["volume and backup", "data, MiB", "s", "fio read, s", "CPU s", "memory, MiB",
                 "stored, MiB"], rows))


def sources(records: List[Record]) -> str:
    changed = int(records[0]["blocks_rewritten"])
    rows = []
    for size in sizes(records):
        of_size = results.matching(records, size=size)
        for step in sources_part.STEPS:
            of_step = results.matching(of_size, step=step)
            if of_step:
                rows.append([f"{size_words(size)}, {STEP_WORDS[step]}",
                             document.seconds(median(of_step, "seconds")),
                             document.seconds(median(of_step, "cpu_seconds")),
                             _mib(median(of_step, "ebb_bytes_read")),
                             _mib(median(of_step, "added_bytes"))])
    return (f"### A device that grows, with the same change, tracked\n\n{changed:,} blocks of 64 "
            "KiB rewritten before each backup of a loop device over a sparse image, medians, cold "
            "cache. Tracked backups read what changed, the audit's sample and its slice.\n\n"
            + document.table(["device and backup", "s", "CPU s", "read, MiB", "stored, MiB"], rows))


def points(records: List[Record]) -> str:
    size = size_words(int(records[0]["size"]))
    backups = [record for record in results.matching(records, step=points_part.BACKUP)
               if int(record["points"]) > 1]  # The first one is full.
    rows = []
    for piece in groups(backups, 10).values():
        first, last = int(piece[0]["points"]), int(piece[-1]["points"])
        rows.append([f"{first} to {last}", document.seconds(median(piece, "seconds")),
                     f"{median(piece, 'cpu_seconds'):.3f}",
                     document.mib(median(piece, "peak_memory_bytes")),
                     f"{median(piece, 'added_bytes') / 1024:,.0f}"])
    text = (f"### Points that grow in number\n\nOne full volume of {size} with "
            f"{points_part.LEAST} to {points_part.MOST} blocks of 64 KiB rewritten before each "
            "backup, all in one repository, warm cache. Medians of the backups in a row:\n\n"
            + document.table(["n-th backup", "s", "CPU s", "memory, MiB", "stored, KiB"], rows))
    stops = []
    for number in sorted({int(record["points"]) for record in records
                          if record["step"] != points_part.BACKUP}):
        for step in (points_part.LIST, points_part.VERIFY, points_part.RESTORE, points_part.SCRUB):
            for record in results.matching(records, points=number, step=step):
                stops.append([f"{number}, {STEP_WORDS[step]}",
                              document.seconds(float(record["seconds"])),
                              document.seconds(float(record["cpu_seconds"])),
                              document.mib(float(record["peak_memory_bytes"]))])
    return text + "\n\n" + document.table(["points and step", "s", "CPU s", "memory, MiB"], stops)


def _mib(value: Optional[object]) -> str:
    return f"{float(value) / (1 << 20):,.1f}" if value is not None else "-"
