#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh - what the run.sh of each benchmark in Python does, once its name is known. Sourced.
#
#   name   the folder below bench/: NAME/NAME.py measures, NAME/report.py shows
#   plots  the arguments by which report.py is told where its plots belong, below docs/
#   targets  the programs that are built, when not only ebb
#
# Installs Debian's packages of the group "peers", builds a release unless --ebb names a program, and
# measures in a mount namespace of its own, so that no mount outlives it.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

install=yes report=no program=no into=$root/build/bench/$name.json
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --no-install) install=no ;;
    --report) report=yes ;;
    --into) into=$(realpath -m "${2:?--into needs a file}"); shift ;;
    --ebb | --ebb=*) program=yes; arguments+=("$1") ;;
    -h | --help)
      sed -n '3,8p' "$0" | sed 's/^# \{0,1\}//'
      exec /usr/bin/python3 "$root/bench/$name/$name.py" --help ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

if [ "$report" = yes ] && [ ! -e "$root/bench/$name/report.py" ]; then
  echo "bench/$name: there is no report of this one; its figures are printed" >&2
  exit 2
fi
if [ "$(id -u)" -ne 0 ] || ! losetup --find >/dev/null 2>&1; then
  echo "bench/$name: needs root and loop devices" >&2
  exit 77
fi
[ "$install" = no ] || "$root/tools/packages.sh" install peers
if [ "$program" = no ]; then
  [ "$install" = no ] || "$root/tools/packages.sh" install build
  (cd "$root" && cmake --preset release >/dev/null && cmake --build --preset release --target "${targets[@]-ebb}")
  arguments+=(--ebb "$root/build/release/ebb")
fi

# The system's own python3, because that one has Debian's modules. It waits for its children when a
# signal comes, so this shell waits for it.
status=0
unshare --mount --propagation private \
  /usr/bin/python3 "$root/bench/$name/$name.py" --into "$into" "${arguments[@]}" &
child=$!
trap 'kill -TERM "$child" 2>/dev/null' INT TERM HUP
wait "$child" || status=$?
while kill -0 "$child" 2>/dev/null; do wait "$child" || status=$?; done

[ "$report" = no ] || [ "$status" -ne 0 ] ||
  /usr/bin/python3 "$root/bench/$name/report.py" "$into" \
    --document "$root/docs/benchmarks.md" "${plots[@]/#docs/$root/docs}"
exit "$status"
