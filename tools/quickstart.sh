#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# quickstart.sh - shows ebb at work on a real block device, from nothing to a checked restore.
#
#   tools/quickstart.sh [--size MIB] [--keep] [--ebb PROGRAM]
#
#   --size MIB      size of the disk (default 1536; at least 128)
#   --keep          keep the work folder (disk images, repository) and say where it is
#   --ebb PROGRAM   use this program instead of building a release
#
# Needs root and a Debian 12. It installs what is missing, builds ebb, makes a disk of its own on a
# loop device (GPT, boot partition, ext4 full of this machine's files), backs it up, changes files,
# backs it up again, restores both points to two other loop devices, and compares every byte. It
# touches no disk but those it makes, in a folder below ${TMPDIR:-/var/tmp} that it removes.
#
# However it ends, it leaves no loop device and no mount: each loop device is only held by a
# descriptor of this shell (it is detached at once, which the kernel carries out at the last close),
# and mounts are in a mount namespace of its own. Both go with the process even on SIGKILL; the trap
# below is for the work folder and for an orderly end.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

usage() { sed -n '5,9p' "$0" | sed 's/^# \{0,1\}//'; }

size_mib=1536
keep=no
program=
arguments=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    --size) size_mib=${2:?--size needs a number of MiB}; shift 2 ;;
    --ebb) program=$(realpath "${2:?--ebb needs a program}"); shift 2 ;;
    --keep) keep=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done
if ! [[ $size_mib =~ ^[0-9]+$ ]] || [ "$size_mib" -lt 128 ]; then
  echo "quickstart: --size wants a number of MiB, at least 128" >&2
  exit 2
fi

if [ "$(id -u)" -ne 0 ]; then
  echo "quickstart: run it as root: it makes loop devices, mounts a file system and may install" \
    "packages" >&2
  exit 77
fi
if ! losetup --find >/dev/null 2>&1; then
  echo "quickstart: this machine gives no loop devices (losetup --find fails)" >&2
  exit 77
fi

if [ -z "${EBB_QUICKSTART_INSIDE:-}" ]; then
  export EBB_QUICKSTART_INSIDE=1
  exec unshare --mount --propagation private "$0" "${arguments[@]}"
fi

# ---- what is made, and how it goes -------------------------------------------------------------

work=
mounted=()      # mount points, unmounted in reverse
descriptors=()  # each holds one loop device
child=          # the command that runs now
disk='' files_loop='' new_fs='' target='' checked=''  # loop devices, by attach()

clean_up() {
  local status=$? i
  trap '' INT TERM HUP
  trap - EXIT
  cd /
  if [ -n "$child" ]; then
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  for ((i = ${#mounted[@]} - 1; i >= 0; --i)); do
    umount "${mounted[i]}" || umount --lazy "${mounted[i]}"
  done
  for i in "${descriptors[@]}"; do exec {i}>&-; done
  if [ -n "$work" ]; then
    if [ "$keep" = yes ]; then echo "kept: $work"; else rm -rf "$work"; fi
  fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# Runs a command so that a signal to this script ends it at once instead of after the command.
run() {
  local status=0
  "$@" </dev/null &
  child=$!
  wait "$child" || status=$?
  child=
  return "$status"
}

step() { printf '\n== %s\n' "$*"; }
fail() { echo "quickstart: $*" >&2; exit 1; }

# ebb ARGUMENT...: shows the command as a person would type it, then runs it.
ebb() {
  echo "\$ ebb $*"
  run "$program" "$@"
}

# attach VARIABLE FILE [losetup option...]: a loop device over FILE, its path in VARIABLE and the
# descriptor that holds it in VARIABLE_fd.
attach() {
  local -n path_=$1 fd_=$1_fd
  local file=$2
  shift 2
  path_=$(losetup --find --show --direct-io=on "$@" "$file" 2>/dev/null) || {
    path_=$(losetup --find --show "$@" "$file")
    echo "(no direct I/O below $work: the times say less)"
  }
  exec {fd_}<>"$path_"
  descriptors+=("$fd_")
  losetup --detach "$path_"
}

# detach VARIABLE: the kernel takes the device away when its last user is gone, which is now.
detach() {
  local -n fd_=$1_fd
  local i
  exec {fd_}>&-
  for i in "${!descriptors[@]}"; do
    [ "${descriptors[i]}" != "$fd_" ] || unset 'descriptors[i]'
  done
}

mount_files() {  # mount_files: the ext4 file system of the disk at ./files
  attach files_loop disk.img --offset "$fs_start" --sizelimit "$fs_bytes"
  mount "$files_loop" files
  mounted+=("$work/files")
}

unmount_files() {
  umount files
  mounted=()
  detach files_loop
  # The disk's own page cache may hold what it was before the file system wrote below it.
  blockdev --flushbufs "$disk"
}

# ---- numbers -----------------------------------------------------------------------------------

now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }
mib() { awk -v n="$1" 'BEGIN { printf "%.1f MiB", n / 1048576 }'; }
# A rate in the usual 10^6 bytes a second.
rate() { awk -v n="$1" -v s="$2" 'BEGIN { printf "%.0f MB/s", n / (s > 0.001 ? s : 0.001) / 1e6 }'; }

# The last line of what `ebb backup --json` printed, for people; the rest is shown as it is.
tell_backup='
import json, sys
*before, last = open(sys.argv[1] + ".out").read().splitlines()
r = json.loads(last)
print(*before, sep="\n")
print("   point", r["point"], "(change source: %s)" % r["source"])
print("   %d of %d blocks changed, %.1f MiB read, %.1f MiB stored, in %.1f s (%.0f MB/s read)" % (
    r["blocks_changed"], r["blocks_total"], r["bytes_read"] / 2**20, r["bytes_stored"] / 2**20,
    r["seconds"], r["bytes_read"] / max(r["seconds"], 0.001) / 1e6))
open(sys.argv[1] + ".point", "w").write(r["point"])
open(sys.argv[1] + ".stored", "w").write("%.1f MiB stored, %d blocks changed" % (
    r["bytes_stored"] / 2**20, r["blocks_changed"]))
'

# backup NAME: backs the disk up. The point goes to NAME.point, its short story to NAME.stored.
backup() {
  ebb backup "$disk" --repo repo --source-key source.key --volume demo --json >"$1.out"
  run python3 -c "$tell_backup" "$1"
}

# restore NAME IMAGE: restores the point of NAME to an empty loop device and compares it with IMAGE.
restore() {
  local point begun took
  point=$(<"$1.point")
  truncate -s "${size_mib}M" "restored-$1.img"
  attach target "restored-$1.img"
  begun=$(now)
  ebb restore "$point" "$target" --repo repo --passphrase-file passphrase --yes
  took=$(since "$begun")
  blockdev --flushbufs "$target"

  run cmp "$2" "$target" || fail "the restored device is not what was backed up"
  run sgdisk -v "$target" >"sgdisk-$1.out" || { cat "sgdisk-$1.out"; fail "sgdisk -v refuses it"; }
  grep -q 'No problems found' "sgdisk-$1.out" || { cat "sgdisk-$1.out"; fail "sgdisk -v complains"; }
  attach checked "restored-$1.img" --offset "$fs_start" --sizelimit "$fs_bytes"
  run fsck.ext4 -fn "$checked" >"fsck-$1.out" 2>&1 || { cat "fsck-$1.out"; fail "fsck complains"; }
  detach checked
  detach target
  printf '   restored in %s s (%s); all %s bytes are the same, sgdisk -v and fsck.ext4 -fn agree\n' \
    "$took" "$(rate "$disk_bytes" "$took")" "$disk_bytes"
}

# ---- the disk ----------------------------------------------------------------------------------

# fill_from FOLDER MIB: copies files of the machine, up to so many MiB, to the file system.
fill_from() {
  find "$1" -xdev \( -type f -size -32M -o -type l \) ! -name $'*\n*' -printf '%s\t%P\n' |
    awk -F '\t' -v room="$(($2 * 1048576))" '{ sum += $1 + 512 } sum <= room { print $2 }' \
      >list
  mkdir -p "files$1"
  tar -C "$1" --ignore-failed-read --no-recursion -cf - --files-from=list | tar -C "files$1" -xf -
}

make_disk() {
  truncate -s "${size_mib}M" disk.img
  attach disk disk.img
  # 1: BIOS boot, empty as on a real disk of that kind. 2: the rest, ext4.
  sgdisk --clear --new=1:2048:+1M --typecode=1:ef02 --change-name=1:boot \
    --new=2:0:0 --typecode=2:8300 --change-name=2:files "$disk" >/dev/null
  blockdev --flushbufs "$disk"
  fs_start=$(sgdisk --info=2 "$disk" | awk '/First sector/ { print $3 * 512 }')
  fs_bytes=$(sgdisk --info=2 "$disk" | awk '/Partition size/ { print $3 * 512 }')
  disk_bytes=$(blockdev --getsize64 "$disk")

  attach new_fs disk.img --offset "$fs_start" --sizelimit "$fs_bytes"
  mkfs.ext4 -q -L ebb-quickstart "$new_fs"
  detach new_fs
  mount_files
  # Half of the disk holds files, as on a disk in use; the random ones cannot be compressed.
  local part=$((size_mib / 6))
  fill_from /usr/bin "$part"
  fill_from /usr/share "$part"
  fill_from /usr/lib "$part"
  mkdir files/random
  local i
  for i in 1 2 3; do
    head -c $((size_mib * 1048576 / 96)) /dev/urandom >"files/random/$i"
  done
  df --output=used,size --block-size=1M files | awk 'NR == 2 { print "   " $1 " of " $2 " MiB in use" }'
  printf '   %s files, on %s (%s MiB)\n' "$(find files -xdev -type f | wc -l)" "$disk" "$size_mib"
  unmount_files
}

change_files() {
  mount_files
  local victim
  rm -rf files/usr/share/doc
  mv files/random/3 files/random/renamed
  head -c $((size_mib * 1048576 / 192)) /dev/urandom >files/random/new
  # A few bytes in the middle of a large file, and lines at the end of many small ones.
  printf 'changed in place' | dd of=files/random/1 bs=1 seek=1000000 conv=notrunc status=none
  find files/usr/share -xdev -type f -size -64k | awk 'NR <= 100' >list
  while read -r victim; do echo changed >>"$victim"; done <list
  printf '   %s files appended to, one folder removed, one file renamed, %s MiB new\n' \
    "$(wc -l <list)" "$((size_mib / 192))"
  unmount_files
}

# ---- the story ---------------------------------------------------------------------------------

begun=$(now)
step "What it needs"
if [ -z "$program" ]; then
  "$root/tools/packages.sh" install build quickstart
  cd "$root"
  run cmake --preset release >/dev/null
  run cmake --build --preset release --target ebb
  program=$root/build/release/ebb
  echo "   ready after $(since "$begun") s: $program"
else
  "$root/tools/packages.sh" install quickstart
  echo "   using $program"
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/ebb-quickstart.XXXXXX")
cd "$work"
mkdir files
(umask 077 && head -c 18 /dev/urandom | base64 >passphrase)

step "A disk with a GPT and an ext4 file system full of files"
make_disk

step "A repository"
ebb init repo --passphrase-file passphrase --source-key source.key

step "First backup: everything"
backup first
cp --sparse=always disk.img first.img

step "Some work is done on the disk"
change_files

step "Second backup: what changed"
backup second

step "What is there now"
ebb points --repo repo --source-key source.key
EBB_PASSPHRASE_FILE=passphrase EBB_SOURCE_KEY=source.key \
  ebb diff export "$(<first.point)" "$(<second.point)" --repo repo -o carry.diff
printf '   the difference file for carrying by hand is %s\n' "$(mib "$(stat -c %s carry.diff)")"

step "Verify: every stored byte of both points"
ebb verify --repo repo --passphrase-file passphrase

step "Restore the first point to another device"
restore first first.img
step "Restore the second point to another device"
restore second disk.img

step "Done in $(since "$begun") s"
repository_bytes=$(du -s --block-size=1 repo | cut -f1)
cat <<END
   disk                 $size_mib MiB
   first backup         $(<first.stored)
   second backup        $(<second.stored)
   repository on disk   $(mib "$repository_bytes")
   both points came back bit for bit
END
