#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints a folder of the cache, which is made once from a package registry. Fails with
# the reason if it cannot be made.
#
# usage: peer.sh go|rust   "verifier", of others, with our small program around it
#        peer.sh nsm-api   "decoder", AWS's own, of requests
#        peer.sh ec2       "document.cose", made on EC2, and "root.der", AWS's root

set -eu
# shellcheck source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

kind=${1-}
here=$top/tests/attest
case $kind in
go | rust | nsm-api | ec2) ;;
*) die "usage: peer.sh go|rust|nsm-api|ec2" ;;
esac
key=$(find "$here/peers/$kind" -type f | sort |
	xargs cat "$here/build-peer.sh" "$vm_dir/tools.packages" | hash -)
out=$cache/attest-peer-$kind-$key
[ -e "$out" ] || lock "attest-peer-$kind"
if [ ! -e "$out" ]; then
	trap 'ns rm -rf "$out.part"' EXIT
	ns rm -rf "$out.part"
	mkdir -p "$out.part"
	say "asking a package registry for a peer ($kind), up to a minute: $out"
	"$vm_dir/enter.sh" --root tools sh "$here/build-peer.sh" "$kind" "$out.part" >&2 ||
		die "the registry does not give it, or it does not compile ($kind)"
	mv "$out.part" "$out"
	drop_old "attest-peer-$kind-" "${out##*/}"
fi
touch -c "$out"
echo "$out"
