#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds AWS's eif_build and eif_describe with a version of their library, once, in the cache
# and prints their directory. If that fails, see lib/peer.sh for the exit status. A link in
# build/ leads to the directory, for the benchmark.
#
# usage: peer.sh VERSION (see build-peer.sh)

set -eu
# shellcheck source=../../scripts/root/lib.sh
. "$(dirname "$0")/../../scripts/root/lib.sh"
# shellcheck source=../lib/peer.sh
. "$top/tests/lib/peer.sh"

version=$1
here=$top/tests/eif
key=$(hash "$here/build-peer.sh" "$here/eif_build.rs" "$here/eif_describe.rs" \
	"$root_dir/tools.packages")
out=$cache/eif-peer-$version-$key
make_peer cargo "eif-peer-$version" "$out" "AWS's library $version" \
	sh "$here/build-peer.sh" "$version" "$out.part"
mkdir -p "$top/build"
ln -sfn "$out" "$top/build/eif-peer-$version"
