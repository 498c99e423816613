#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# memory.sh - peak memory and time of every command in a repository of so many records.
#
#   bench/index/memory.sh make FOLDER            a repository with one real volume of 4 KiB blocks
#   bench/index/memory.sh packs FOLDER ENTRIES   adds packs; say it again until it says all=yes
#   bench/index/memory.sh index FOLDER INDEX     gives it an index that index_bench filled as far
#   bench/index/memory.sh run FOLDER             runs the commands
#   bench/index/memory.sh run-scrub FOLDER       the same for scrub, which reads every pack
#
# EBB and INDEX_BENCH name the programs. Blocks of 4 KiB make the lists of a window the widest.
# Needs about 30 GB for 10^8 records, index included.
set -euo pipefail

ebb=${EBB:-build/release/ebb}
index_bench=${INDEX_BENCH:-build/release/bench/index_bench}
verb=${1:-}
folder=${2:?which folder?}
repo=$folder/repo
export EBB_REPO=$repo EBB_PASSPHRASE_FILE=$folder/passphrase EBB_SOURCE_KEY=$folder/source.key

# measured NAME COMMAND...: seconds and peak memory.
measured() {
  local name=$1
  shift
  local code=0
  /usr/bin/time -o "$folder/time" -f "%e %M" "$@" -q >"$folder/out" 2>&1 || code=$?
  tail -n 1 "$folder/time" | awk -v name="$name" -v code="$code" \
    '{ printf "%-22s %8.1f s  peak %4d MiB  exit %d\n", name, $1, $2 / 1024, code }'
  [ "$code" -eq 0 ] || tail -n 3 "$folder/out"
}

change() {  # Every 97th block.
  python3 - "$1" <<'END'
import os, sys
with open(sys.argv[1], "r+b") as image:
    for at in range(0, os.path.getsize(sys.argv[1]), 97 * 4096):
        image.seek(at)
        image.write(os.urandom(4096))
END
}

case $verb in
  make)
    mkdir -p "$folder"
    echo "a passphrase for measuring" >"$folder/passphrase"
    "$ebb" init "$repo" -q
    head -c 1536M /dev/urandom >"$folder/disk.img"
    measured "first backup" "$ebb" backup "$folder/disk.img" --volume wide --block-size 4K
    ;;
  packs) "$index_bench" packs "$repo" "${3:?how many entries?}" ;;
  index) rm -r "$repo/index" && mv "${3:?which index?}" "$repo/index" ;;
  run)
    # The first writer takes into the index what it lacks: the real packs.
    measured "backup, unchanged" "$ebb" backup "$folder/disk.img" --volume wide
    change "$folder/disk.img"
    measured "backup, 1 % changed" "$ebb" backup "$folder/disk.img" --volume wide
    cp --sparse=never "$folder/disk.img" "$folder/other.img"
    measured "backup, all known" "$ebb" backup "$folder/other.img" --volume other --block-size 4K
    head -c 1536M /dev/urandom >"$folder/other.img"
    measured "backup, all new" "$ebb" backup "$folder/other.img" --volume other
    measured "verify" "$ebb" verify wide@latest
    measured "restore" "$ebb" restore wide@latest "$folder/restored.img" --yes
    cmp "$folder/disk.img" "$folder/restored.img" && echo "restored as it was"
    measured "restore in place" "$ebb" restore wide@latest "$folder/other.img" --in-place --yes
    rm -f "$folder/restored.img" "$folder/other.img"
    ;;
  run-scrub)
    measured "scrub" "$ebb" scrub
    ;;
  *)
    echo "usage: memory.sh make|packs|index|run|run-scrub FOLDER ..." >&2
    exit 2
    ;;
esac
