# SPDX-License-Identifier: Apache-2.0
"""What a tool is to the comparison: a command for each step, or a reason why there is none.

The steps are taken in this order, on one store. A tool says only how it is called; who attaches
devices, measures, compares and cleans up is peers.py.
"""
import dataclasses
import os
from typing import Dict, List, Optional, Union

Command = Union[str, List[str]]  # A pipeline for bash, or a program with its arguments.

FULL, UNCHANGED, CHANGED, VERIFY, RESTORE, IN_PLACE, READ, WRITE = STEPS = (
    "full", "unchanged", "changed", "verify", "restore", "in place", "read", "write")
BACKUPS = (FULL, UNCHANGED, CHANGED)
RESTORES = (RESTORE, IN_PLACE)

COPIES_ALL = "finds no differences: each backup copies and stores everything again"
REWRITES_ALL = "cannot leave out what is already there: writes everything again"
NO_CHECKSUMS = "keeps no checksums: there is nothing to verify a copy by, but its source"


@dataclasses.dataclass
class World:
    """What a tool gets to work with; all of it is below one folder and goes with it."""
    folder: str
    passphrase_file: str
    ebb: str

    @property
    def store(self) -> str:
        return os.path.join(self.folder, "store")


class Tool:
    name = ""           # As in --tools.
    label = ""          # As in tables.
    seals = False       # What it stores is encrypted.
    whole_disk = True   # Or only the partition's file system.
    lacks: Dict[str, str] = {}

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = world.store
        self.environment = dict(os.environ, LC_ALL="C.UTF-8", HOME=world.folder)

    def version(self) -> str:
        raise NotImplementedError

    def prepare(self) -> None:
        """Makes the store; not measured."""
        os.makedirs(self.store)

    def command(self, step: str, device: Optional[str]) -> Optional[Command]:
        """How to take the step with the device, its source or its target."""
        raise NotImplementedError

    def took(self, step: str, output: str) -> Optional[float]:
        """After a step: what it printed. Gives the seconds until it synced, if it knows better."""
        return None
