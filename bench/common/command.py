# SPDX-License-Identifier: Apache-2.0
"""Running programs that are not measured: they work, or an exception says what they said."""
import os
import re
import subprocess
from typing import Sequence


class CommandFailed(Exception):
    """A program ended in another way than it should have; the text has its last words."""


def run(*command: str, accept: Sequence[int] = (0,), **more) -> str:
    """Runs a program with nothing to read and gives what it printed."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="replace", check=False, **more)
    if done.returncode not in accept:
        raise CommandFailed(f"{' '.join(command)}: exit {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def version_of(*command: str) -> str:
    """A program's name and version, as in "lz4 1.9.4", from what it prints about itself."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    found = re.search(r"\d+(\.\d+)+", done.stdout)
    return f"{os.path.basename(command[0])} {found.group() if found else 'of unknown version'}"
