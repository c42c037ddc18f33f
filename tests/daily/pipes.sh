#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Readers that go away, and devices that are full.
#
# Once: nothing here depends on the kernel.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3
need_host 2
need_daemon

# Output that cannot be written is a failure, of text as well.
full_device() {
	for words in "ps" "ps --json" "logs --list" "doctor" "doctor --json" "lab show next"; do
		status=0
		# shellcheck disable=SC2086 # words
		ne-emu $words > /dev/full 2> "$tmp/err" || status=$?
		echo "ne-emu $words: exit status $status, $(cat "$tmp/err")"
		[ "$status" = 1 ]
		grep -q 'cannot write' "$tmp/err"
	done
}

check_each full_device
finish
