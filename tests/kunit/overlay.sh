#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a kernel tree with this project in it, and configures it. Runs in the
# build root.
#
# usage: overlay.sh SOURCE DIRECTORY
#
# DIRECTORY/tree consists of hard links to SOURCE, which must be on the same mount.

set -eu

source=$1 dir=$2
here=$(dirname "$0")
virt=$dir/tree/drivers/virt

mkdir -p "$dir"
cp -a --link "$source" "$dir/tree"

"$here/link.sh" "$dir"

# sed replaces the file, the original keeps its text.
sed -i 's,^source "drivers/virt/coco/Kconfig",source "drivers/virt/ne_emu/Kconfig"\n&,' \
	"$virt/Kconfig"
sed -i '$a obj-y += ne_emu/' "$virt/Makefile"

config=$here/.kunitconfig
make -s -C "$dir/tree" O="$dir/build.part" KCONFIG_ALLCONFIG="$config" allnoconfig
missing=$(grep '^CONFIG_' "$config" | grep -vxF -f "$dir/build.part/.config") || true
[ -z "$missing" ] || {
	echo "not in the configuration: $missing"
	exit 1
}
mv "$dir/build.part" "$dir/build"
