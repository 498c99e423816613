#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh - how the cost and the memory of ebb grow with the device, with its data and with points.
#
#   bench/scale/run.sh [--no-install] [--report] [option...]     options: --help
#
#   --no-install  do not install what is missing (Debian's packages of the group "peers")
#   --report      then write the result to docs/benchmarks.md and docs/benchmarks/scale-*.svg
#
# Needs root and a Debian 12, and 12 GiB below ${TMPDIR:-/var/tmp} (--work). Builds a release unless
# --ebb names a program, and measures (scale.py) in a mount namespace of its own, so that no mount
# outlives it.
set -euo pipefail
name=scale
plots=(--plots docs/benchmarks)
source "$(dirname "$0")/../common/run.sh"
