#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lint.sh - holds the C++ files to .clang-format and .clang-tidy.
#
#   tools/lint.sh            format of every file, clang-tidy of what differs from the main branch
#   tools/lint.sh --all      clang-tidy of every file too (minutes)
#   tools/lint.sh --format   format only (seconds; tests/run.sh does this)
#   tools/lint.sh --fix      formats the files in place
#
# clang-tidy reads the compile commands of build/dev, which is configured first.
# EBB_LINT_BASE names what to compare with (default: main, else origin/main).
# Exit code 77: clang-format-14 is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."
folders=(devmap engine wire tools tests bench)

what=${1:-changed}
command -v clang-format-14 >/dev/null || { echo "lint.sh: no clang-format-14 here"; exit 77; }

mapfile -t all < <(find "${folders[@]}" -type f \( -name '*.cc' -o -name '*.h' \) | sort)
[ ${#all[@]} -gt 0 ] || { echo "lint.sh: no C++ files found" >&2; exit 1; }

case $what in
  --fix) clang-format-14 -i "${all[@]}"; exit ;;
  --format | --all | changed) ;;
  *) echo "usage: lint.sh [--all | --format | --fix]" >&2; exit 2 ;;
esac

clang-format-14 --dry-run -Werror "${all[@]}"
echo "format: ${#all[@]} files are as .clang-format wants them"
[ "$what" != --format ] || exit 0

# A header is checked through the sources that include it.
changed_sources() {
  local base=${EBB_LINT_BASE:-} file header
  if [ -z "$base" ]; then
    base=$(git rev-parse -q --verify main || git rev-parse -q --verify origin/main || echo HEAD)
  fi
  base=$(git merge-base HEAD "$base")
  { git diff --name-only --diff-filter=d "$base" -- "${folders[@]}"
    git ls-files --others --exclude-standard -- "${folders[@]}"; } | sort -u |
    while read -r file; do
      case $file in
        *.cc) echo "$file" ;;
        *.h) header=$file
             grep -rlF --include='*.cc' "#include \"$header\"" "${folders[@]}" || true ;;
      esac
    done | sort -u
}

if [ "$what" = --all ]; then
  mapfile -t sources < <(printf '%s\n' "${all[@]}" | grep '\.cc$' | grep -v '^tests/fuzz/')
else
  mapfile -t sources < <(changed_sources | grep -v '^tests/fuzz/' || true)
fi
[ ${#sources[@]} -gt 0 ] || { echo "clang-tidy: nothing changed"; exit 0; }

cmake --preset dev >/dev/null  # Each time, so that files made since are known.
# What is not compiled here (a backend whose library is not installed) can't be read by it either.
compiled() {
  local file
  for file; do
    if grep -qF "/$file\"" build/dev/compile_commands.json; then echo "$file"
    else echo "clang-tidy: $file is not compiled here" >&2; fi
  done
}
mapfile -t sources < <(compiled "${sources[@]}")
[ ${#sources[@]} -gt 0 ] || exit 0
# The commands are g++'s; clang-tidy parses with clang, which does not know all of its flags.
printf '%s\n' "${sources[@]}" |
  xargs -P 2 -n 1 clang-tidy-14 --quiet -p build/dev --extra-arg=-Wno-unknown-warning-option
echo "clang-tidy: ${#sources[@]} files are as .clang-tidy wants them"
