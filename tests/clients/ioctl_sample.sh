#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# The kernel's sample program, unmodified: 256 regions of 2 MiB, production mode, heartbeat.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

sample=${NE_TEST_BIN:-$here}/ne_ioctl_sample

[ -x "$sample" ] || lacking "ne_ioctl_sample was not built"
need_host 256
need_daemon
need_image

sample_said() {
	grep -q "$1" "$tmp/sample"
}

sample_over() {
	[ ! -d "/proc/$1" ] || sample_said 'Entering sleep'
}

# At its end it sleeps for five minutes; a signal ends it then.
run_sample() {
	remember
	stdbuf -oL "$sample" "$image" > "$tmp/sample" 2>&1 &
	pid=$!
	wait_for 120 sample_over "$pid"
	cat "$tmp/sample"
	for line in 'Creating enclave slot' 'Enclave fd [0-9]' 'Running from poll thread' \
		'Enclave image offset in enclave memory is 8388608$' \
		'Enclave memory regions were added$' 'Added vCPU [1-9][0-9]* to the enclave$' \
		'Enclave vCPUs were added$' 'Enclave started, CID [1-9]' \
		'Entering sleep for 300 seconds'; do
		sample_said "$line"
	done
	fails sample_said 'Error'
	fails sample_said 'POLLHUP'
	[ "$(sample_said_vcpus)" = 2 ]
	cid=$(sed -n 's/Enclave started, CID //p' "$tmp/sample")
	echo_works "$cid"
	kill "$pid"
	wait "$pid" || :
	same_as_before
}

sample_said_vcpus() {
	grep 'Added vCPU' "$tmp/sample" | sort -u | wc -l
}

# The thread in poll() keeps the enclave until the process ends.
end_while_running() {
	remember
	stdbuf -oL "$sample" "$image" > "$tmp/sample" 2>&1 &
	pid=$!
	wait_for 120 sample_over "$pid"
	control "$(sed -n 's/Enclave started, CID //p' "$tmp/sample")" reboot
	# Its poll thread watches the enclave fd.
	wait_for 20 sample_said 'Received POLLHUP'
	kill "$pid"
	wait "$pid" || :
	same_as_before
}

check "X02 sample boots the image" run_sample
check "X02 sample sees the end" end_while_running
finish
