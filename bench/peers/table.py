# SPDX-License-Identifier: Apache-2.0
"""The tools that are compared, in the order in which a round takes them.

The ceilings come first and ebb next to them, because the speed of a disk drifts.
"""
from peers.ceilings import Fio
from peers.tool_ebb import Ebb
from peers.tools_copies import Dd, Nbdcopy, Partclone, Pipeline, QemuImg
from peers.tools_stores import Borg, BorgFixed, Restic

TOOLS = {tool.name: tool for tool in (Fio, Dd, Ebb, QemuImg, Nbdcopy, Pipeline, Partclone, Borg,
                                      BorgFixed, Restic)}
