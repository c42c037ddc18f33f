#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Gets what peer.sh prints the folder of, in the versions of the lock files. Runs in the
# tools root.
#
# usage: build-peer.sh go|rust|ec2 FOLDER

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
rust)
	cargo build --quiet --locked
	cp "$out/target/debug/verifier" "$out/verifier"
	;;
ec2)
	cargo vendor --quiet --locked "$out/vendor" > /dev/null
	fixtures=$out/vendor/nitro_attest/tests/fixtures
	cp "$fixtures/attestation.cose" "$out/document.cose"
	cp "$fixtures/0.der" "$out/root.der"
	;;
esac
rm -rf "$out/go" "$out/cache" "$out/cargo" "$out/target" "$out/vendor"
