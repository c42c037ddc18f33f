#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the folder with AWS's eif_build and eif_describe on a version of their library,
# which are compiled once and kept in the cache. Fails with the reason if they cannot
# be made. A link in build/ leads to the folder, for the benchmark.
#
# usage: peer.sh VERSION (see build-peer.sh)

set -eu
# shellcheck source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

version=$1
here=$top/tests/eif
key=$(hash "$here/build-peer.sh" "$here/eif_build.rs" "$here/eif_describe.rs" \
	"$vm_dir/tools.packages")
out=$cache/eif-peer-$version-$key
[ -e "$out" ] || lock "eif-peer-$version"
if [ ! -e "$out" ]; then
	trap 'ns rm -rf "$out.part"' EXIT
	ns rm -rf "$out.part"
	mkdir -p "$out.part"
	say "compiling AWS's library $version, some minutes: $out"
	"$vm_dir/enter.sh" --root tools sh "$here/build-peer.sh" "$version" "$out.part" >&2 ||
		die "the Rust crate registry does not give AWS's library $version," \
			"or it does not compile"
	mv "$out.part" "$out"
	drop_old eif-peer- "${out##*/}"
fi
touch -c "$out"
mkdir -p "$top/build"
ln -sfn "$out" "$top/build/eif-peer-$version"
echo "$out"
