#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the debug kernel in the cache and prints its directory, with bzImage, lib/modules, and
# build, against which modules are built in the build root.
#
# usage: kernel.sh

set -eu
# shellcheck source=../../scripts/root/lib.sh
. "$(dirname "$0")/../../scripts/root/lib.sh"
here=$top/tests/debug
export NE_EMU_CACHE="$cache"

root=$("$root_dir/mkroot.sh" build)
key=$({
	cat "$here/debug.fragment" "$here/build-kernel.sh"
	version "$source_package"
	version gcc
} | hash -)
out=$cache/debug-kernel-$key
if [ ! -e "$out" ]; then
	lock debug-kernel
fi
if [ ! -e "$out" ]; then
	say "building the debug kernel, 15 minutes and more: $out"
	ns rm -rf "$out.part"
	nice -n 10 "$root_dir/enter.sh" "$here/build-kernel.sh" \
		"$here/debug.fragment" "$out.part" >&2
	mv "$out.part" "$out"
	drop_old debug-kernel- "${out##*/}"
fi
touch -c "$out"
echo "$out"
