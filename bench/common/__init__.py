# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: a volume of real files, loop devices, measuring, results, drawing.

Nothing here knows which programs are compared, or which figures are good. Everything that is made
on the machine (loop devices, mounts, folders) is a context manager, and ends with its block.
"""
