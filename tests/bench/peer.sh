#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the folder of a program of the Rust crate registry, which is made once. Without
# one, see lib/peer.sh for the exit status.
#
# usage: peer.sh vhost-device-vsock

set -eu
# shellcheck source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"
# shellcheck source=../lib/peer.sh
. "$top/tests/lib/peer.sh"

case ${1-} in
vhost-device-vsock) version=0.3.0 ;;
*) die "usage: peer.sh vhost-device-vsock" ;;
esac
out=$cache/bench-peer-$1-$version-$(hash "$vm_dir/tools.packages")
# shellcheck disable=SC2016 # expanded by the inner shell
make_peer cargo "bench-peer-$1" "$out" "$1" sh -eu -c '
	CARGO_HOME=$3/cargo cargo install --quiet --locked --version "$2" --root "$3/root" "$1"
	cp "$3/root/bin/$1" "$3/"
	rm -rf "$3/cargo" "$3/root"
' - "$1" "$version" "$out.part"
