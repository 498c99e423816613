#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# soak.sh - runs the tracker's oracle for as many rounds as are wanted.
#
#   tests/tracker/soak.sh [ROUNDS] [PROGRAM]   1000 rounds of build/release/tests/tracker_tests
#
# Needs root, loop devices and a kernel with BTF. Each way of loading the device is its own test;
# a failure prints the seed (EBB_TEST_SEED) and names the first block that was missed.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-1000}
program=${2:-build/release/tests/tracker_tests}
[ -x "$program" ] || { echo "soak.sh: build tracker_tests first" >&2; exit 2; }
EBB_TRACK_ROUNDS=$rounds exec "$program" --gtest_filter='*Oracle*'
