#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh - installs what is needed, builds, and runs every test.
#
#   tests/run.sh           everything
#   tests/run.sh --quick   one build (dev, with sanitizers), without system tests and fuzzing
#
# Three builds: release (every test but the unit tests), dev (address and undefined-behaviour
# sanitizers; every test but the system ones, which are about devices and take their time) and fuzz
# (the harnesses, which run bounded). All of them run in one ctest, over a folder that only names
# the build folders, so that its summary, the last line printed, covers everything that was run.
# Whatever fails before that (packages, a compiler) ends the script with what it said and no summary.
#
# EBB_FUZZ_SECONDS  for each harness (default 10)
# EBB_JOBS          parallel compiles and tests (default: the number of cores)
# EBB_TEST_SEED     seed of the random tests; without it each makes and prints its own
set -euo pipefail
cd "$(dirname "$0")/.."

quick=no
case ${1:-} in
  '') ;;
  --quick) quick=yes ;;
  *) echo "usage: tests/run.sh [--quick]" >&2; exit 2 ;;
esac
jobs=${EBB_JOBS:-$(nproc)}
export EBB_FUZZ_SECONDS=${EBB_FUZZ_SECONDS:-10}
export EBB_FUZZ_REQUIRED=1  # A harness that was not built is a failure here, not a skip.

tools/packages.sh install build test quickstart </dev/null

declare -A kinds=(
  [release]='wire;crash;system;source;fuzz'
  [dev]='unit;wire;crash'
  [fuzz]=''
)
presets=(release dev fuzz)
if [ "$quick" = yes ]; then
  presets=(dev)
  kinds[dev]='unit;wire;crash;source'
fi
for preset in "${presets[@]}"; do
  echo "== building $preset"
  began=$SECONDS
  cmake --preset "$preset" -DEBB_TEST_KINDS="${kinds[$preset]}" >/dev/null
  cmake --build --preset "$preset" --parallel "$jobs"
  echo "== $preset is built after $((SECONDS - began)) s"
done

# Fuzz harnesses are tests of the release build, so the fuzz folder is not among these.
all=build/all
rm -rf "$all"
mkdir -p "$all"
for preset in "${presets[@]}"; do
  [ "$preset" = fuzz ] || printf 'subdirs("%s")\n' "$PWD/build/$preset"
done >"$all/CTestTestfile.cmake"

status=0
ctest --test-dir "$all" --output-on-failure --no-label-summary --no-tests=error \
  --parallel "$jobs" </dev/null 2>&1 | tee "$all/output" || status=$?

# ctest lists what failed or was skipped after its summary; a reader of the end wants the summary.
echo
echo "everything took $SECONDS s"
grep -E '^[0-9]+% tests passed, [0-9]+ tests failed out of [0-9]+' "$all/output" | tail -n 1 || {
  echo "tests/run.sh: ctest gave no summary" >&2
  status=1
}
exit "$status"
