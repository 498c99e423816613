#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# soak.sh - the guest's tests with as many steps as are wanted, until one fails.
#
#   tests/guest/soak.sh [STEPS] [BUILD]   100 steps of each, with the programs of build/release
#
# Takes hours under emulation. A failure prints the seed (EBB_TEST_SEED) and the step.
set -euo pipefail
cd "$(dirname "$0")/../.."
steps=${1:-100}
build=${2:-build/release}
tool=$build/tests/changes_tool
[ -x "$build/ebb" ] && [ -x "$tool" ] || { echo "soak.sh: build ebb and changes_tool first" >&2; exit 2; }
export EBB_GUEST_STEPS=$steps
for test in tests/guest/*_test.py; do
  programs=("ebb=$build/ebb" "changes_tool=$tool")
  echo "== $test"
  /usr/bin/python3 -B "$test" "${programs[@]}" -f
done
