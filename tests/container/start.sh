#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# A container image becomes an enclave, runs and ends.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3
need_host 160
need_daemon

directory() {
	mkdir -p "$tmp/root/bin"
	cp /bin/busybox "$tmp/root/bin/"
	ne-emu eif build --rootfs "$tmp/root" --exec /bin/busybox --exec echo \
		--exec "a program ran" -o "$tmp/image.eif"
	ne-emu run --memory 256 --debug --console "$tmp/image.eif" > "$tmp/output"
	grep -a "a program ran" "$tmp/output"
}

check_each directory
finish
