#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Success is silent: no successful operation adds a line to the kernel log.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_host 160
need_daemon
need_image

# Provokes the messages that KVM and the host's sockets print once.
run_once() {
	run_image a
	echo_works "$(value a cid)"
	close_client a
}

# said_since_mark - our new messages: KVM logs the registers that guests try, and an
# emulated machine on a busy host logs that its clocks are late
said_since_mark() {
	log_since > "$tmp/all"
	grep -vE '\] (kvm|clocksource: |hrtimer: interrupt took )' "$tmp/all" > "$tmp/lines" || :
}

quiet() {
	log_mark
	"$@"
	said_since_mark
	[ ! -s "$tmp/lines" ] || {
		cat "$tmp/lines"
		return 1
	}
}

pool_changes() {
	pool_is_free
	printf '%s' "${pool%,*,*}" > "$pool_file"
	pool_is_free
}

debug_enclave() {
	run_image a -d
	cid=$(value a cid)
	timeout 120 socat -u "VSOCK-CONNECT:0:$((10000 + cid))" STDOUT \
		> "$tmp/console" 8>&- 9>&- &
	echo_works "$cid"
	close_client a
	wait "$!"
	[ -s "$tmp/console" ]
}

ended_enclave() {
	run_image a
	control "$(value a cid)" reboot
	wait_said 20 a hangup
	close_client a
}

empty_enclaves() {
	"$cycle" -n 5
}

# modprobe fails, with one line from the kernel.
driver_for_ec2_is_refused() {
	log_mark
	fails modprobe nitro_enclaves
	[ ! -e /sys/module/nitro_enclaves/initstate ]
	said_since_mark
	cat "$tmp/lines"
	[ "$(wc -l < "$tmp/lines")" = 1 ]
	grep -q 'nitro_enclaves: module is already loaded$' "$tmp/lines"
	pool_is_free
}

check "driver for EC2 beside us" driver_for_ec2_is_refused
check "first enclave" run_once
check "pool set" quiet pool_changes
check "enclave" quiet run_once
check "enclave in debug mode, with a reader" quiet debug_enclave
check "enclave that ends itself" quiet ended_enclave
check "enclaves without an image" quiet empty_enclaves
finish
