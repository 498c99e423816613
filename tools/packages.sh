#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# packages.sh - the one list of Debian packages that ebb needs, and the one way to install them.
#
#   tools/packages.sh list GROUP...       prints the packages, one a line
#   tools/packages.sh missing GROUP...    prints those that are not installed
#   tools/packages.sh install GROUP...    installs those (as root)
#
# GROUP is build (compiles everything), quickstart (what tools/quickstart.sh uses besides), test
# (what the tests use besides), peers (what bench/peers compares ebb with, and what it and
# bench/scale measure and draw by), bench (other engines for the index, for bench/index) or guest
# (what the Linux guest of tests/guest is made of: unpacked by its build.sh, not installed). Where
# packages come from is the machine's own setting; nothing here names a place. Nothing is fetched,
# not even the package lists, when nothing is missing.
set -euo pipefail

build=(
  g++ cmake ninja-build ccache pkg-config git
  liburing-dev       # io_uring
  libisal-dev        # zero detection, CRC, Reed-Solomon
  libipsec-mb-dev    # multi-buffer SHA-256 and AES-GCM
  libssl-dev         # X25519, Ed25519, HKDF, and AES-GCM where the above does not run
  libargon2-dev      # passphrases
  liblz4-dev libzstd-dev
  librocksdb-dev     # the fingerprint index
  libsqlite3-dev     # what a manager knows
  libblkid-dev       # who holds a device
  libext2fs-dev      # what ext4 calls free
  libnbd-dev         # exports of NBD servers, to read
  libbpf-dev libelf-dev bpftool clang-14  # the change tracker; left out of a build without them
  libfmt-dev libexpected-dev libcli11-dev nlohmann-json3-dev libtomlplusplus-dev
  capnproto libcapnp-dev  # RPC, and TLS below it
  libgtest-dev libgmock-dev libbenchmark-dev
)
quickstart=(
  gdisk e2fsprogs util-linux mount python3
)
test=(
  gdisk fdisk e2fsprogs xfsprogs dosfstools util-linux mount fio
  iproute2           # networks of hosts
  qemu-utils nbdkit  # NBD servers
  openssl            # what TLS and certificates look like from outside
  clang-14 libclang-rt-14-dev libfuzzer-14-dev clang-format-14 clang-tidy-14
  qemu-system-x86    # runs the guest of tests/guest
  python3 python3-cryptography python3-lz4 python3-zstandard python3-argon2  # the second reader of the format
)
peers=(
  borgbackup restic qemu-utils libnbd-bin partclone lz4 zstd openssl fio
  gdisk e2fsprogs xfsprogs util-linux mount python3 python3-matplotlib
)
bench=(
  liblmdb-dev  # other engines that could hold the fingerprint index
)
guest=(
  linux-image-cloud-amd64 busybox-static kmod
  lvm2 dmsetup libdevmapper1.02.1 libdevmapper-event1.02.1 libaio1 libedit2
  thin-provisioning-tools libexpat1
  e2fsprogs libext2fs2 xfsprogs libinih1 liburcu8 libbsd0 libmd0
)

packages_of() {
  local group
  for group in "$@"; do
    case $group in
      build) printf '%s\n' "${build[@]}" ;;
      quickstart) printf '%s\n' "${quickstart[@]}" ;;
      test) printf '%s\n' "${test[@]}" ;;
      peers) printf '%s\n' "${peers[@]}" ;;
      bench) printf '%s\n' "${bench[@]}" ;;
      guest) printf '%s\n' "${guest[@]}" ;;
      *) echo "packages.sh: no group '$group' (build, quickstart, test, peers, bench, guest)" >&2; return 2 ;;
    esac
  done
}

missing_of() {
  local wanted package
  wanted=$(packages_of "$@") || return
  sort -u <<<"$wanted" | while read -r package; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      echo "$package"
  done
}

install_missing() {
  local text missing
  text=$(missing_of "$@") || return
  [ -n "$text" ] || return 0
  mapfile -t missing <<<"$text"
  if [ "$(id -u)" -ne 0 ]; then
    echo "packages.sh: these packages are missing and only root can install them:" >&2
    printf '  %s\n' "${missing[@]}" >&2
    return 1
  fi
  echo "installing ${#missing[@]} packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # Stale lists often still do, so a failed update is told and only the install decides.
  apt-get -qq update </dev/null || echo "packages.sh: apt-get update failed, trying on" >&2
  apt-get -qq -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends \
    "${missing[@]}" </dev/null >/dev/null || {
    echo "packages.sh: apt-get could not install: ${missing[*]}" >&2
    return 1
  }
}

verb=${1:-}
[ $# -ge 2 ] || verb=
shift || true
case $verb in
  list) wanted=$(packages_of "$@"); sort -u <<<"$wanted" ;;
  missing) missing_of "$@" ;;
  install) install_missing "$@" ;;
  *) echo "usage: packages.sh list|missing|install build|quickstart|test|peers|bench|guest..." >&2; exit 2 ;;
esac
