#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the KUnit tests of the driver in a separate kernel, in QEMU.
#
# usage: run.sh [SUITE[.CASE]]   wildcards allowed; default: all
#
# The kernel, the build root's source with driver/ linked into it, stays in the cache. Later
# runs compile only what has changed, also those from other source trees.

set -eu
# shellcheck source=../../scripts/root/lib.sh
. "$(dirname "$0")/../../scripts/root/lib.sh"
vm_dir=$top/scripts/vm
here=$top/tests/kunit
export NE_EMU_CACHE="$cache"

root=$("$root_dir/mkroot.sh" build)
key=$({
	cat "$here/.kunitconfig" "$here/overlay.sh" "$here/link.sh"
	version "$source_package"
	version gcc
} | hash -)
dir=$cache/kunit-$key
lock kunit
if [ ! -e "$dir/build/.config" ]; then
	say "the first run builds a kernel, some minutes: $dir"
	ns rm -rf "$dir"
	"$root_dir/enter.sh" "$here/overlay.sh" \
		"$root/usr/src/linux-source/." "$dir"
	drop_old kunit- "${dir##*/}"
fi
touch -c "$dir"

out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$root_dir/enter.sh" "$here/build-and-boot.sh" "$dir" "${1-*}" 2>&1 | tee "$out"
"$here/count.sh" < "$out"
"$vm_dir/scan-log.sh" "$out"
