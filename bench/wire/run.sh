#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh - what a storage agent between ebb and its repository costs, and many sources at one agent.
#
#   bench/wire/run.sh [--no-install] [--report] [option...]     options: --help
#
#   --no-install  do not install what is missing (Debian's packages of the group "peers")
#   --report      then write the result to docs/benchmarks.md
#
# Needs root and a Debian 12, and 8 GiB below ${TMPDIR:-/var/tmp} (--work). Builds a release unless
# --ebb names a program; ebb-storage and ebb-manager lie beside it.
set -euo pipefail
name=wire
targets=(ebb ebb-storage ebb-manager)
plots=()
source "$(dirname "$0")/../common/run.sh"
