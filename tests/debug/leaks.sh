#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Checks with kmemleak everything that ran so far. Unloads the modules.

set -eu

# shellcheck source=../lib/case.sh
. "$(dirname "$0")/../lib/case.sh"

leaks=/sys/kernel/debug/kmemleak

# Two scans, because an object in use may be reported once.
no_leaks() {
	echo scan > "$leaks"
	echo scan > "$leaks"
	cat "$leaks"
	[ -z "$(cat "$leaks")" ]
}

unload() {
	systemctl stop ne-emud.service
	for module in nitro_enclaves_emu ne_emu_vsock; do
		[ ! -d "/sys/module/$module" ] || rmmod "$module" || return 1
	done
}

sleep 10 # VMMs that stay too long are killed after 5 s, closed sockets go after 8
check "nothing leaked" no_leaks
check "modules unload" unload
check "nothing leaked by unloading" no_leaks
finish
