#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds a program from the Rust crate registry, once, and prints its directory. If that
# fails, see peer.sh for the exit status.
#
# usage: crate-peer.sh vhost-device-vsock|nitro-cli

set -eu
# shellcheck source=../../scripts/root/lib.sh
. "$(dirname "$0")/../../scripts/root/lib.sh"
# shellcheck source=peer.sh
. "$top/tests/lib/peer.sh"

case ${1-} in
vhost-device-vsock) crate=$1 version=0.3.0 profile=release ;;
# A debug build is faster: it has 250 dependencies, and its speed does not matter.
nitro-cli) crate=aws-nitro-enclaves-cli version=1.5.2 profile=dev ;;
*) die "usage: crate-peer.sh vhost-device-vsock|nitro-cli" ;;
esac
out=$cache/crate-peer-$1-$version-$(hash "$root_dir/tools.packages")
# shellcheck disable=SC2016 # expanded by the inner shell
make_peer cargo "crate-peer-$1" "$out" "$1" sh -eu -c '
	CARGO_HOME=$5/cargo CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked \
		--profile "$4" --version "$3" --root "$5/root" "$2"
	cp "$5/root/bin/$1" "$5/"
	rm -rf "$5/cargo" "$5/root"
' - "$1" "$crate" "$version" "$profile" "$out.part"
