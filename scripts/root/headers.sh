#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a directory in the cache and prints its path: headers of kernels for which the
# modules are compiled but which are not booted, below usr/src.
#
# usage: headers.sh

set -eu
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

root=$("$root_dir/mkroot.sh" build)
key=$(cat "$0" "$root_dir/headers-root.sh" "$root/usr/share/ne-emu-kernels" | hash -)
out=$cache/headers-$key
[ -e "$out" ] || lock headers
if [ ! -e "$out" ]; then
	say "fetching kernel headers: $out"
	rm -rf "$out.part"
	"$root_dir/enter.sh" "$root_dir/headers-root.sh" "$out.part" "$out" >&2
	mv "$out.part" "$out"
	drop_old headers- "${out##*/}"
fi
touch -c "$out"
echo "$out"
