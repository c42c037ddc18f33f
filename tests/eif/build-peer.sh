#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles programs that read and write images with AWS's library, from the Rust crate
# registry. Runs in the tools root.
#
# usage: build-peer.sh VERSION DIRECTORY
#
# VERSION of the library determines the program that writes:
# 0.3.0: AWS's eif_build 0.2.1, the last published version, which uses this library
# newer: our eif_build.rs
# Our eif_describe.rs reads, with each version.

set -eu

version=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)

CARGO_HOME=$out/cargo
CARGO_TARGET_DIR=$out/target
# A third less time: nobody debugs it.
CARGO_PROFILE_DEV_DEBUG=0
export CARGO_HOME CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG

# unpacked CRATE VERSION - moves its source to $out/source
unpacked() {
	cargo info --quiet "$1@$2" > /dev/null
	mv "$CARGO_HOME"/registry/src/*/"$1-$2" "$out/source"
}

# compile PROGRAM... - from $out/source, with those versions of other crates that it was
# published with; only what hashes is optimised
compile() {
	programs=
	for program; do
		install -D -m 644 "$here/$program.rs" "$out/source/src/bin/$program.rs"
		printf '\n[[bin]]\nname = "%s"\npath = "src/bin/%s.rs"\n' "$program" "$program" \
			>> "$out/source/Cargo.toml"
		programs="$programs --bin $program"
	done
	set -- --config 'profile.dev.opt-level=3' --config 'profile.dev.package."*".opt-level=0'
	for crate in $hashing; do
		set -- "$@" --config "profile.dev.package.\"$crate\".opt-level=3"
	done
	# shellcheck disable=SC2086 # a list
	cargo build --quiet --locked --manifest-path "$out/source/Cargo.toml" $programs "$@"
}

case $version in
0.3.0)
	hashing="aws-nitro-enclaves-image-format sha2 digest block-buffer generic-array crc"
	cargo install --quiet --debug --locked --version 0.2.1 --root "$out" eif_build
	unpacked eif_build 0.2.1
	compile eif_describe
	echo "eif_build 0.2.1, library 0.3.0" > "$out/name"
	;;
*)
	hashing="sha2@0.10.9 digest@0.10.7 block-buffer@0.10.4 generic-array crc"
	unpacked aws-nitro-enclaves-image-format "$version"
	compile eif_build eif_describe
	mkdir -p "$out/bin"
	cp "$out/target/debug/eif_build" "$out/bin"
	echo "library $version" > "$out/name"
	;;
esac
cp "$out/target/debug/eif_describe" "$out/bin"
rm -rf "$out/cargo" "$out/target" "$out/source"
