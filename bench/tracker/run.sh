#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh - what the change tracker costs the device that it tracks: under fio, attached and detached in turn.
#
#   bench/tracker/run.sh [--no-install] [option...]     options: --help
#
#   --no-install  do not install what is missing (Debian's packages of the group "peers")
#
# Needs root, a kernel with BTF, and 1 GiB below ${TMPDIR:-/var/tmp} (--work). Builds a release unless
# --ebb names a program, and measures (tracker.py) in a mount namespace of its own.
set -euo pipefail
name=tracker
plots=()
source "$(dirname "$0")/../common/run.sh"
