#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2317,SC2329 # $0 of the inner shell; functions are called by check
# Executes the commands of Documentation/debugging.rst, one block after the other: hang.eif has
# a kernel that hangs without a word.
#
# Once: the page is about the enclave's kernel, which is the same on each host.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu gdb python3
need_host 160
need_daemon
need_image

docs=$here/../lifecycle/docs
files=$tmp/files

clean_up() {
	ne-emu stop --all > /dev/null 2>&1 || :
}
trap 'clean_up; undo' EXIT

# A console that does not exist, and no init: the kernel panics without a word, and hangs.
make_files() {
	[ -e /usr/lib/debug/usr/share/ne-emu/vmlinux ]
	mkdir "$files"
	cp "$image" "$files/image.eif"
	ne-emu eif extract "$image" "$tmp/parts"
	ne-emu eif build --kernel "$tmp/parts/kernel" \
		--cmdline "$(sed 's/console=ttyS0/console=ttyS3/; s/panic=1/panic=0/' \
			"$tmp/parts/cmdline") rdinit=/none" \
		--ramdisk "$tmp/parts/ramdisk0" --ramdisk "$tmp/parts/ramdisk1" \
		-o "$files/hang.eif"
}

# What a block must print.
expected() {
	case $1 in
	*"ne-emu run --name hang"*) echo 'stands before its first instruction' ;;
	*lx-dmesg*) echo 'Kernel panic - not syncing' ;;
	*'hbreak panic'*) echo '^#0 .*panic' ;;
	*start_kernel*) echo '^#0 +start_kernel' ;;
	*) echo . ;;
	esac
}

execute() {
	cd "$files"
	timeout 100 bash -eu -o pipefail -c 'set -x; . "$0"' "$1" > "$tmp/out" 2>&1
	cat "$tmp/out"
	grep -q -E -e "$(expected "$(cat "$1")")" "$tmp/out"
}

check "files" make_files
mkdir "$tmp/blocks"
python3 "$docs/blocks.py" "$docs/pages/debugging.rst" "$tmp/blocks"
for block in "$tmp"/blocks/[0-9][0-9]; do
	check "$(cat "$block.title"): $(head -n 1 "$block")" execute "$block"
done
clean_up
finish
