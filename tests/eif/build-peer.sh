#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles AWS's eif_build, and eif_describe on the library that belongs to it, from
# the Rust crate registry. Runs in the tools root.
#
# usage: build-peer.sh FOLDER
#
# Of the versions that Debian's compiler can build, this one needs the least: later
# libraries bring AWS's KMS client with them.

set -eu

out=$1
here=$(cd "$(dirname "$0")" && pwd)
version=0.2.1

CARGO_HOME=$out/cargo
CARGO_TARGET_DIR=$out/target
# A third less time: nobody debugs it.
CARGO_PROFILE_DEV_DEBUG=0
export CARGO_HOME CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG

cargo install --quiet --debug --locked --version "$version" --root "$out" eif_build
cp -r "$CARGO_HOME"/registry/src/*/"eif_build-$version" "$out/source"
install -D -m 644 "$here/eif_describe.rs" "$out/source/src/bin/eif_describe.rs"
cargo build --quiet --locked --offline --manifest-path "$out/source/Cargo.toml" \
	--bin eif_describe
cp "$out/target/debug/eif_describe" "$out/bin"
rm -rf "$out/cargo" "$out/target" "$out/source"
