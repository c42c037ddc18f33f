#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds an image that runs PAYLOAD and has each PROGRAM in its root directory.
#
# usage: build.sh KERNEL INIT NE_EMU OUTPUT PAYLOAD [PROGRAM...]
#
# The same inputs give the same image.

set -eu

kernel=$1 init=$2 ne_emu=$3 out=$4 payload=$5
shift 5
here=$(cd "$(dirname "$0")" && pwd)
SOURCE_DATE_EPOCH=0
export SOURCE_DATE_EPOCH
umask 022

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# ramdisk NAME - $tmp/NAME becomes $tmp/NAME.cpio.gz
ramdisk() {
	find "$tmp/$1" -exec touch -h -d @0 {} +
	(cd "$tmp/$1" && find . -mindepth 1 | LC_ALL=C sort |
		cpio --quiet --reproducible -R 0:0 -o -H newc) |
		gzip -9 -n > "$tmp/$1.cpio.gz"
}

# The same layout as AWS: init in the first ramdisk, the application in the second.
mkdir "$tmp/init" "$tmp/app"
install -m 755 "$init" "$tmp/init/init"
install -m 755 "$payload" "$tmp/app/payload"
[ $# = 0 ] || install -m 755 "$@" "$tmp/app"
echo /payload > "$tmp/app/cmd"
: > "$tmp/app/env"
ramdisk init
ramdisk app

"$ne_emu" eif build --name "ne-emu-$(basename "$out" .eif)" --kernel "$kernel" \
	--cmdline-file "$here/cmdline" --ramdisk "$tmp/init.cpio.gz" \
	--ramdisk "$tmp/app.cpio.gz" --output "$out"
