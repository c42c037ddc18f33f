#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the enclave kernel: bzImage, and bzImage.config, its complete configuration. For
# debuggers: vmlinux with debug information, and vmlinux-gdb.py with scripts/gdb/, the commands
# lx-... of gdb.
#
# usage: build-kernel.sh CONFIG SOURCE OUTPUT_DIRECTORY
#
# SOURCE is an unpacked kernel source, or a tar archive of one that tar can read. The same
# configuration, source, compiler and binutils give the same bytes: neither the time nor
# the user, host or directory of the build gets into the kernel.

set -eu

config=$(realpath "$1") source=$(realpath "$2") out=$3
mkdir -p "$out"
out=$(realpath "$out")
build=$out/build

LC_ALL=C
KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970'
KBUILD_BUILD_USER=ne-emu
KBUILD_BUILD_HOST=enclave
KBUILD_BUILD_VERSION=1
export LC_ALL KBUILD_BUILD_TIMESTAMP KBUILD_BUILD_USER KBUILD_BUILD_HOST KBUILD_BUILD_VERSION
unset CFLAGS CPPFLAGS LDFLAGS MAKEFLAGS MAKELEVEL ARCH CROSS_COMPILE
umask 022

rm -rf "$build" "$out/source"
mkdir "$build"
if [ ! -d "$source" ]; then
	mkdir "$out/source"
	tar -x --strip-components=1 -C "$out/source" -f "$source"
	source=$out/source
fi

# An empty LOCALVERSION keeps the state of a git tree out of the release.
build_make() {
	make -C "$source" O="$build" LOCALVERSION= "$@"
}

build_make -s KCONFIG_ALLCONFIG="$config" allnoconfig

# Kconfig silently drops options that it cannot set.
missing=$(grep '^CONFIG_' "$config" | grep -vxF -f "$build/.config") || true
[ -z "$missing" ] || {
	echo "not in the configuration: $missing"
	exit 1
}

# The build id, which is in bzImage too, covers the debug information. Debuggers look for
# sources where the archive of Debian's package would be unpacked. The last option wins if
# one of the directories is in the other.
release=$(build_make -s kernelversion)
as=/usr/src/linux-source-${release%.*}
map="-fdebug-prefix-map=$source=$as -fdebug-prefix-map=$build=$as"
build_make -j "$(nproc)" KCFLAGS="$map" KAFLAGS="$map" bzImage scripts_gdb \
	> "$out/build.log" 2>&1 || {
	tail -n 20 "$out/build.log"
	exit 1
}
cp "$build/arch/x86/boot/bzImage" "$out/bzImage"
cp "$build/.config" "$out/bzImage.config"

# zlib, because the gdb in crash 8.0 knows no other compression.
objcopy --compress-debug-sections=zlib "$build/vmlinux" "$out/vmlinux"
rm -rf "$out/scripts"
mkdir -p "$out/scripts/gdb/linux"
cp "$source/scripts/gdb/vmlinux-gdb.py" "$out/"
for script in "$build"/scripts/gdb/linux/*.py; do
	cat "$script" > "$out/scripts/gdb/linux/${script##*/}"
done
rm -rf "$build" "$out/source"
