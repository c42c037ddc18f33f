#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# After the next boot of the same disk, everything starts automatically.

set -eu
# shellcheck source=lib/plain.sh
. "$(dirname "$0")/lib/plain.sh"

all_is_there() {
	[ -d /sys/module/nitro_enclaves_emu ]
	[ -d /sys/module/ne_emu_vsock ]
	wait_for 60 daemon_runs
	[ "$(stat -c '%a %U:%G' "$device")" = '660 root:ne' ]
	[ "$(stat -c '%a %U:%G' /run/nitro_enclaves)" = '775 root:ne' ]
	[ "$(stat -c '%a %U:%G' /run/ne-emu)" = '755 root:ne' ]
	no_failed_units
	journalctl -b -u systemd-modules-load.service --no-pager
}

# The root is the same as before, since it is on the disk.
root_is_the_same() {
	ne-emu attest root > "$tmp/root"
	cmp "$tmp/root" /var/tmp/root.pem
}

logs_are_kept() {
	ne-emu logs --list | grep enc
}

check "module, device and ne-emud are there" all_is_there
hold_kvm
check "the root of attestation is that of the last boot" root_is_the_same
check "logs of the last boot are kept" logs_are_kept
ne-emu setup --cpus 4 --memory $((memory * 2)) > /dev/null
check "an enclave: heartbeat, console, vsock, stop" whole_life
finish
