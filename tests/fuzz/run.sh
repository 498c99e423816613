#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh - runs one fuzz harness for a bounded time, from its seed corpus.
#
#   tests/fuzz/run.sh NAME_fuzz
#
# EBB_FUZZ_SECONDS  how long (default 10)
# EBB_FUZZ_BUILD    folder with the built harnesses (default build/fuzz/fuzz)
# EBB_FUZZ_KEEP     folder that receives an input that fails (default: the build folder)
# EBB_TEST_SEED     libFuzzer's seed (default: random, printed)
#
# Exit code 77 means that the harness is not built here, which ctest shows as skipped; with
# EBB_FUZZ_REQUIRED=1 that is a failure. What it finds on the way is not added to the corpus: a
# person does that, with the harness's own -merge=1.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
name=${1:?which harness? e.g. tests/fuzz/run.sh gpt_fuzz}
build=${EBB_FUZZ_BUILD:-$here/../../build/fuzz/fuzz}
harness=$build/$name
seconds=${EBB_FUZZ_SECONDS:-10}
seed=${EBB_TEST_SEED:-$RANDOM}

if [ ! -x "$harness" ]; then
  echo "$name is not built: cmake --preset fuzz && cmake --build --preset fuzz"
  [ "${EBB_FUZZ_REQUIRED:-0}" = 1 ] && exit 1
  exit 77
fi

found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
corpus=$here/corpus/${name%_fuzz}
seeds=()
[ -d "$corpus" ] && seeds=("$corpus")
# Seeds that a program makes are not kept in git.
if [ -x "$build/${name%_fuzz}_seeds" ]; then "$build/${name%_fuzz}_seeds" "$found"; fi
keep=${EBB_FUZZ_KEEP:-$build}
echo "$name for $seconds s, EBB_TEST_SEED=$seed"
# New inputs go to the first folder, so the seeds in git stay as they are. libFuzzer ends with 77 when
# it found something, which here would read as "skipped".
"$harness" -max_total_time="$seconds" -seed="$seed" -timeout=20 -rss_limit_mb=1024 \
  -max_len=65536 -artifact_prefix="$keep/$name-" -print_final_stats=1 -print_funcs=0 -verbosity=0 \
  "$found" "${seeds[@]}" || {
  echo "$name ended with $?; the input, if any, is $keep/$name-*" >&2
  exit 1
}
