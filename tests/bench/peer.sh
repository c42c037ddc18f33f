#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the folder of a program of the Rust crate registry, which is made once. Fails
# with the reason if it cannot be made.
#
# usage: peer.sh vhost-device-vsock

set -eu
# shellcheck source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

case ${1-} in
vhost-device-vsock) version=0.3.0 ;;
*) die "usage: peer.sh vhost-device-vsock" ;;
esac
out=$cache/bench-peer-$1-$version-$(hash "$vm_dir/tools.packages")
lock "bench-peer-$1"
if [ ! -e "$out" ]; then
	trap 'ns rm -rf "$out.part"' EXIT
	ns rm -rf "$out.part"
	mkdir -p "$out.part"
	say "asking a package registry for $1, some minutes: $out"
	"$vm_dir/enter.sh" --root tools env CARGO_HOME="$out.part/cargo" cargo install --quiet \
		--locked --version "$version" --root "$out.part/root" "$1" >&2 ||
		die "the registry does not give it, or it does not compile ($1)"
	ns cp "$out.part/root/bin/$1" "$out.part/"
	ns rm -rf "$out.part/cargo" "$out.part/root"
	mv "$out.part" "$out"
	drop_old "bench-peer-$1-" "${out##*/}"
fi
touch -c "$out"
echo "$out"
