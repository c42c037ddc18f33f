#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the debug kernel. Runs in the build root.
#
# usage: build-kernel.sh FRAGMENT OUTPUT_FOLDER

set -eu

fragment=$1 out=$2
source=/usr/src/linux-source
build=$out/build

# Kconfig drops silently what it cannot give.
check_config() {
	missing=$(grep '^CONFIG_' "$fragment" | while IFS= read -r line; do
		case $line in
		*=n) ! grep -q "^${line%n}" "$build/.config" || echo "$line" ;;
		*) grep -qxF "$line" "$build/.config" || echo "$line" ;;
		esac
	done)
	[ -z "$missing" ] || {
		echo "not in the configuration:"
		echo "$missing"
		exit 1
	}
}

mkdir -p "$build"
make -s -C "$source" O="$build" KCONFIG_ALLCONFIG="$fragment" allnoconfig
check_config
make -s -C "$build" -j "$(nproc)" bzImage modules
make -s -C "$build" INSTALL_MOD_PATH="$out" modules_install
cp "$build/arch/x86/boot/bzImage" "$out/"

# Modules need the tools, the generated headers and Module.symvers only.
find "$build" -path "$build/scripts" -prune -o -path "$build/tools" -prune -o \
	-type f \( -name '*.o' -o -name '*.a' -o -name '*.ko' -o -name '.*.cmd' \
	-o -name 'vmlinux*' -o -name bzImage \) -exec rm {} +
rm -f "$out"/lib/modules/*/build
