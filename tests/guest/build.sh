#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# build.sh - makes the Linux guest of these tests from Debian packages: a kernel and an initramfs.
#
#   tests/guest/build.sh        prints the folder that holds vmlinuz, base.cpio and base.files
#
# Packages (tools/packages.sh list guest) are fetched and unpacked, never installed; the result is
# kept in build/guest under a name made of their versions and of the files here, so a second call
# takes a moment. What ebb is made of is not in it: guest.py adds programs when it boots.
#
# EBB_GUEST_BUILD  where it is kept (default build/guest)
# Exit code 77: it cannot be had here, with the reason.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
kept=${EBB_GUEST_BUILD:-$root/build/guest}

# Everything else is loaded from here when the kernel asks for it.
modules=(
  virtio_pci virtio_blk virtio_console
  dm-mod dm-snapshot dm-thin-pool dm-era dm-flakey dm-log-writes dm-delay dm-zero dm-mirror dm-crypt
  xfs loop nbd null_blk
)

skip() { echo "build.sh: $*"; exit 77; }

[ "$(uname -m)" = x86_64 ] || skip "the guest is an x86_64"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || skip "no apt-get or dpkg-deb here"
mkdir -p "$kept"
exec 9>"$kept/lock"
flock 9

# The kernel's package is named by the one that depends on the newest.
packages() {
  local package
  for package in $("$root/tools/packages.sh" list guest); do
    case $package in
      linux-image-*) apt-cache depends "$package" | sed -n 's/^ *Depends: \(linux-image-\)/\1/p' ;;
      *) echo "$package" ;;
    esac
  done
}
apt_download() { apt-get -qq -o APT::Sandbox::User=root download "$@"; }
names_of_files() { apt_download --print-uris $(packages) | cut -d' ' -f2 | sort; }

# Lists are stale or not there: once more after an update, which only root can make.
if ! files=$(names_of_files 2>"$kept/said") || [ -z "$files" ]; then
  apt-get -qq update </dev/null >/dev/null 2>&1 || true
  files=$(names_of_files 2>"$kept/said") && [ -n "$files" ] ||
    skip "packages of the guest are not known here: $(head -n 1 "$kept/said")"
fi
key=$({ echo "$files"; echo "${modules[@]}"; cat "$here/build.sh" "$here/init" "$here/lvm.conf"; } |
      sha256sum | cut -c1-16)
made=$kept/image-$key
if [ -e "$made/base.cpio" ]; then echo "$made"; exit 0; fi

mkdir -p "$kept/packages"
(cd "$kept/packages"
 mapfile -t missing < <(for file in $files; do [ -e "$file" ] || echo "$file"; done)
 [ ${#missing[@]} -eq 0 ] || apt_download $(packages) </dev/null >/dev/null 2>"$kept/said" || {
   apt-get -qq update </dev/null >/dev/null 2>&1 || true
   apt_download $(packages) </dev/null >/dev/null 2>"$kept/said"
 }) || skip "packages of the guest cannot be fetched: $(head -n 1 "$kept/said")"

work=$(mktemp -d "$kept/making.XXXXXX")
trap 'rm -rf "$work"' EXIT
from=$work/packages to=$work/root
for file in $files; do dpkg-deb -x "$kept/packages/$file" "$from"; done

mkdir -p "$to"/{bin,sbin,lib64,lib/x86_64-linux-gnu,usr/sbin,proc,sys,dev,run,tmp,root,mnt,etc/lvm}
install -m 755 "$here/init" "$to/init"
install -m 644 "$here/lvm.conf" "$to/etc/lvm/lvm.conf"
ln -s /proc/mounts "$to/etc/mtab"
install "$from/bin/busybox" "$to/bin/"
install "$from"/sbin/{lvm,dmsetup,mke2fs,e2fsck,resize2fs,debugfs,mkfs.xfs,xfs_repair} "$to/sbin/"
install "$from"/usr/sbin/{pdata_tools,xfs_io} "$to/usr/sbin/"
ln -s mke2fs "$to/sbin/mkfs.ext4"
ln -s ../bin/busybox "$to/sbin/modprobe"  # Where LVM and the kernel look for it.
find "$from/sbin" -type l -lname lvm -exec cp -P {} "$to/sbin/" \;
find "$from/usr/sbin" -type l -lname pdata_tools -exec cp -P {} "$to/usr/sbin/" \;

# Libraries: of the packages first, else this host's, which runs the same Debian.
packaged=$from/lib/x86_64-linux-gnu:$from/usr/lib/x86_64-linux-gnu
find "$to" -type f -perm /111 ! -name init | while read -r program; do
  LD_LIBRARY_PATH=$packaged ldd "$program" 2>/dev/null || true  # busybox is static.
done >"$work/ldd"
if grep -q 'not found' "$work/ldd"; then
  skip "this host lacks libraries: $(grep 'not found' "$work/ldd" | awk '{print $1}' | sort -u | xargs)"
fi
awk '/=>/ {print $3} /ld-linux/ {print $1}' "$work/ldd" | sort -u | while read -r library; do
  case $library in
    */ld-linux*) cp -L "$library" "$to/lib64/" ;;
    *) cp -L "$library" "$to/lib/x86_64-linux-gnu/" ;;
  esac
done

# Modules with what they depend on, and an index that busybox's modprobe reads.
ln -s kmod "$from/bin/depmod"
version=$(ls "$from/lib/modules")
tree=lib/modules/$version
LD_LIBRARY_PATH=$packaged "$from/bin/depmod" -b "$from" "$version"
mkdir -p "$to/$tree"
cp "$from/$tree"/modules.{order,builtin,builtin.modinfo} "$to/$tree/"
for module in "${modules[@]}"; do
  line=$(grep -E "/${module//[-_]/[-_]}\.ko:" "$from/$tree/modules.dep") || skip "no module $module"
  for file in ${line//:/}; do install -m 644 -D "$from/$tree/$file" "$to/$tree/$file"; done
done
LD_LIBRARY_PATH=$packaged "$from/bin/depmod" -b "$to" "$version"

mkdir "$work/made"
cp "$from"/boot/vmlinuz-* "$work/made/vmlinuz"
(cd "$to" && find . ! -type d | sed 's/^\.//' | sort) >"$work/made/base.files"
(cd "$to" && find . | "$from/bin/busybox" cpio -o -H newc -R 0:0 2>/dev/null) >"$work/made/base.cpio"
# Those of other versions are of no use any more.
rm -rf "$kept"/image-*
mv "$work/made" "$made"
echo "$made"
