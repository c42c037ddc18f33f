#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the enclave kernel from the kernel source in the build root. Runs in that root.
#
# usage: build-kernel.sh CONFIG OUTPUT_DIRECTORY

set -eu

config=$1 out=$2
source=/usr/src/linux-source
build=$out/build

mkdir -p "$build"
make -s -C "$source" O="$build" KCONFIG_ALLCONFIG="$config" allnoconfig

# Kconfig silently drops options that it cannot set.
missing=$(grep '^CONFIG_' "$config" | grep -vxF -f "$build/.config") || true
[ -z "$missing" ] || {
	echo "not in the configuration: $missing"
	exit 1
}
make -C "$build" -j "$(nproc)" bzImage | awk '
	{ print > "'"$out"'/build.log" }
	NR % 250 == 0 { printf "... %d steps, now %s\n", NR, $2; fflush() }'
cp "$build/arch/x86/boot/bzImage" "$build/.config" "$out/"
rm -r "$build"
