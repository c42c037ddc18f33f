#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a folder in the cache with headers of kernels that are built for but not booted,
# and prints its path; they are below usr/src.
#
# usage: headers.sh

set -eu
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

root=$("$vm_dir/mkroot.sh" build)
key=$(cat "$0" "$vm_dir/headers-root.sh" "$root/usr/share/ne-emu-kernels" | hash -)
out=$cache/headers-$key
[ -e "$out" ] || lock headers
if [ ! -e "$out" ]; then
	say "fetching kernel headers: $out"
	rm -rf "$out.part"
	"$vm_dir/enter.sh" "$vm_dir/headers-root.sh" "$out.part" "$out" >&2
	mv "$out.part" "$out"
	drop_old headers- "${out##*/}"
fi
touch -c "$out"
echo "$out"
