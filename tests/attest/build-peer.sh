#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds or downloads a peer for peer.sh, in the versions of the lock files. Runs in the
# tools root.
#
# usage: build-peer.sh go|rust|nsm-api|ec2 DIRECTORY

set -eu

kind=$1 out=$2
cd "$(dirname "$0")/peers/$kind"
GOPATH=$out/go GOCACHE=$out/cache GOFLAGS='-mod=readonly -modcacherw -trimpath'
CARGO_HOME=$out/cargo CARGO_TARGET_DIR=$out/target
export GOPATH GOCACHE GOFLAGS CARGO_HOME CARGO_TARGET_DIR

case $kind in
go)
	go build -o "$out/verifier" .
	;;
rust | nsm-api)
	cargo build --quiet --locked
	find "$out/target/debug" -maxdepth 1 -type f -perm -u+x -exec cp {} "$out" \;
	;;
ec2)
	cargo vendor --quiet --locked "$out/vendor" > /dev/null
	fixtures=$out/vendor/nitro_attest/tests/fixtures
	cp "$fixtures/attestation.cose" "$out/document.cose"
	cp "$fixtures/0.der" "$out/root.der"
	;;
esac
rm -rf "$out/go" "$out/cache" "$out/cargo" "$out/target" "$out/vendor"
