# SPDX-License-Identifier: Apache-2.0
"""fio: how quickly this machine reads and writes the very same devices, whatever the program.

The seconds are those of its job: what fio needs to start and to sum up is not the machine's.
"""
import json
from typing import Optional

from common.command import version_of
from peers.tool import READ, WRITE, Command, Tool


class Fio(Tool):
    name = "fio"
    label = "fio, io_uring, direct, 1 MiB, depth 32"

    def version(self) -> str:
        return version_of("fio", "--version")

    def command(self, step: str, device: Optional[str]) -> Optional[Command]:
        if step not in (READ, WRITE):
            return None
        return ["fio", f"--name={step}", f"--filename={device}", f"--rw={step}", "--bs=1M",
                "--ioengine=io_uring", "--iodepth=32", "--direct=1", "--end_fsync=1",
                "--output-format=json"] + (["--readonly"] if step == READ else [])

    def took(self, step: str, output: str) -> Optional[float]:
        # It may print warnings before the JSON.
        job = json.loads(output[output.index("{"):])["jobs"][0]
        return job["job_runtime"] / 1000
