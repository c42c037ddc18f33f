#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a directory in the cache from a package registry, once, and prints its path. If that
# fails, see lib/peer.sh for the exit status.
#
# usage: peer.sh go|rust   "verifier", a small program around a third-party verifier
#        peer.sh nsm-api   "decoder", a small program around AWS's decoder of requests
#        peer.sh ec2       "document.cose", made on EC2, and "root.der", AWS's root

set -eu
# shellcheck source=../../scripts/root/lib.sh
. "$(dirname "$0")/../../scripts/root/lib.sh"
# shellcheck source=../lib/peer.sh
. "$top/tests/lib/peer.sh"

kind=${1-}
here=$top/tests/attest
case $kind in
go) client=go ;;
rust | nsm-api | ec2) client=cargo ;;
*) die "usage: peer.sh go|rust|nsm-api|ec2" ;;
esac
key=$(find "$here/peers/$kind" -type f | sort |
	xargs cat "$here/build-peer.sh" "$root_dir/tools.packages" | hash -)
out=$cache/attest-peer-$kind-$key
make_peer "$client" "attest-peer-$kind" "$out" "a peer ($kind)" \
	sh "$here/build-peer.sh" "$kind" "$out.part"
