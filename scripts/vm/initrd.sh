#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the VM's initramfs for one kernel. Runs in the build root.
#
# usage: initrd.sh RELEASE MODULES_DIR OUTPUT
#
# MODULES_DIR holds lib/modules/RELEASE; what is built in is skipped.

set -eu

release=$1 base=$2 out=$3
here=$(cd "$(dirname "$0")" && pwd)

# Disk, root file system, and the ports that carry a job's output.
needed="virtio_pci virtio_blk ext4 virtio_console"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/bin" "$tmp/dev" "$tmp/modules"
cp /bin/busybox "$tmp/bin/"
cp "$here/initramfs/init" "$tmp/init"

for name in $needed; do
	modprobe -d "$base" -S "$release" --show-depends "$name"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
	while read -r file; do
		name=${file##*/}
		name=${name%.xz}
		case $file in
		*.xz) xz -dc "$file" > "$tmp/modules/$name" ;;
		*) cp "$file" "$tmp/modules/$name" ;;
		esac
		echo "$name"
	done > "$tmp/modules/order"

(cd "$tmp" && find . | cpio --quiet -o -H newc) | gzip -1 > "$out.part"
mv "$out.part" "$out"
