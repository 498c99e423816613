#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# units_test.sh - the systemd units are what systemd understands, and as closed as the docs say.
set -euo pipefail
cd "$(dirname "$0")/../tools/systemd"
command -v systemd-analyze >/dev/null || { echo "no systemd-analyze here"; exit 77; }

failed=0
# What a unit does not say, the program's file in /etc/ebb does.
grep -Hn '^ExecStart=' ./*.service | grep -v ' serve$' && failed=1
for pair in ebb-manager:12 ebb-storage:12 ebb-agent:22; do
  unit=${pair%:*}.service
  systemd-analyze security --offline=true --no-pager --threshold="${pair#*:}" "$unit" | tail -1 ||
    { echo "$unit is more exposed than that"; failed=1; }
  # That the programs are not installed here is not the units' fault.
  said=$(systemd-analyze verify --man=no "$PWD/$unit" 2>&1 | grep -F "$unit" |
    grep -v "is not executable" || true)
  [ -z "$said" ] || { echo "$said"; failed=1; }
done
exit $failed
