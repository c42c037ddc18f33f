#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the enclave kernel in the cache, unless it is there, and prints the path of its
# bzImage. Beside it are its configuration, bzImage.config, and vmlinux for debuggers.

set -eu
# shellcheck source=../scripts/root/lib.sh
. "$(dirname "$0")/../scripts/root/lib.sh"

config=$top/image/kernel.config
root=$("$root_dir/mkroot.sh" build)
key=$({
	list "$config" "$top/image/build-kernel.sh"
	version "$source_package"
	version gcc-14
	version binutils
} | hash -)
out=$cache/enclave-kernel-$key

if [ ! -e "$out" ]; then
	lock enclave-kernel
fi
if [ ! -e "$out" ]; then
	say "building the enclave kernel, 12 minutes on two cores: $out"
	rm -rf "$out.part"
	"$root_dir/enter.sh" "$top/image/build-kernel.sh" "$config" /usr/src/linux-source \
		"$out.part" >&2
	mv "$out.part" "$out"
	drop_old enclave-kernel- "${out##*/}"
fi
touch -c "$out"
echo "$out/bzImage"
