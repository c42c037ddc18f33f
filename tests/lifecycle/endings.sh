#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# The ways in which a guest can end: each raises POLLHUP on the enclave fd and leaves a record
# with the reason.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_host 80
need_daemon
need_image
need_program python3 socat

# ending LINE REASON... - a guest with this control line ends with one of these reasons
ending() {
	line=$1
	shift
	remember
	run_image a
	uid=$(value a uid)
	control "$(value a cid)" "$line"
	wait_said 60 a hangup
	close_client a
	wait_for 10 has_exit_record "$uid"
	same_as_before
	reason=$(exit_record "$uid" reason)
	text=$(exit_record "$uid" text)
	echo "$line: $reason: $text"
	[ -n "$text" ]
	for expected; do
		[ "$reason" != "$expected" ] || return 0
	done
	return 1
}

closed_by_owner() {
	remember
	run_image a
	uid=$(value a uid)
	close_client a
	wait_for 10 has_exit_record "$uid"
	same_as_before
	[ "$(exit_record "$uid" reason)" = closed ]
}

stopped_by_admin() {
	remember
	run_image a
	uid=$(value a uid)
	timeout 20 ne-emu stop "$uid"
	wait_said 10 a hangup
	close_client a
	wait_for 10 has_exit_record "$uid"
	same_as_before
	[ "$(exit_record "$uid" reason)" = admin-stop ]
}

status_is_recorded() {
	ending "exit 3" guest-reset
	[ "$(exit_record "$uid" program)" = "{'exit_code': 3}" ]
	ending reboot guest-reset
	[ "$(exit_record "$uid" program)" = None ]
}

check "L04 guest reboots" ending reboot guest-reset
check "L04 guest powers off" ending poweroff guest-halt guest-reset
check "L04 guest panics" ending panic guest-shutdown
check "L04 triple fault" ending triplefault guest-shutdown
check "L04 init's command exits" ending "exit 3" guest-reset
check "L04 its status is recorded" status_is_recorded
check "owner closes" closed_by_owner
check "stopped by ne-emu stop" stopped_by_admin
finish
