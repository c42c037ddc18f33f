#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the folder with AWS's eif_build and eif_describe, which are compiled once and
# kept in the cache. Fails with the reason if they cannot be made.

set -eu
# shellcheck source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

here=$top/tests/eif
key=$(hash "$here/build-peer.sh" "$here/eif_describe.rs" "$vm_dir/tools.packages")
out=$cache/eif-peer-$key
[ -e "$out" ] || lock eif-peer
if [ ! -e "$out" ]; then
	trap 'ns rm -rf "$out.part"' EXIT
	ns rm -rf "$out.part"
	mkdir -p "$out.part"
	say "compiling AWS's eif_build, two minutes: $out"
	"$vm_dir/enter.sh" --root tools sh "$here/build-peer.sh" "$out.part" >&2 ||
		die "the Rust crate registry does not give AWS's eif_build," \
			"or it does not compile"
	mv "$out.part" "$out"
	drop_old eif-peer- "${out##*/}"
fi
touch -c "$out"
echo "$out"
