#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh - compares ebb with the tools that people use today, on one volume of real files.
#
#   bench/peers/run.sh [--no-install] [--report] [option...]     options: --help
#
#   --no-install  do not install what is missing (Debian's packages of the group "peers")
#   --report      then write the result to docs/benchmarks.md and docs/benchmarks/peers.svg
#
# Needs root and a Debian 12, and below ${TMPDIR:-/var/tmp} five times the volume's size. Installs
# the peers, builds a release unless --ebb names a program, and measures (peers.py) in a mount
# namespace of its own, so that no mount outlives it.
set -euo pipefail
name=peers
plots=(--plot docs/benchmarks/peers.svg)
source "$(dirname "$0")/../common/run.sh"
