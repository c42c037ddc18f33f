#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Once: the monitors are the kernel's.
# An enclave's packets on the kernel's monitor device, which Wireshark reads.

set -eu
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_program socat python3 ip
need_host 160
need_daemon
need_image

captured() {
	python3 "$here/capture.py" show "$tmp/pcap" "$cid" > "$tmp/packets"
	grep -q "$1" "$tmp/packets"
}

# The packets of one connection, in words, without the order of credit updates.
conversation() {
	port=$(sed -n "s/.* RW 3:\([0-9]*\) .* hello .*/\1/p" "$tmp/packets" | head -n 1)
	grep ":$port " "$tmp/packets" | grep -v CREDIT_ | sed "s/:$port / /"
}

one_connection() {
	modprobe vsockmon
	ip link add vsockmon0 type vsockmon
	ip link set vsockmon0 up
	run_image a -m 192
	cid=$(value a cid)
	wait_for 20 agent_answers "$cid"
	python3 "$here/capture.py" record vsockmon0 "$tmp/pcap" > "$tmp/recorder" 8>&- &
	recorder=$!
	wait_for 10 grep -q ready "$tmp/recorder"
	[ "$(vsock_exchange "$cid" "$echo_port" "hello enclave")" = "hello enclave" ]
	wait_for 10 captured "disconnect RST .*:$echo_port "
	kill "$recorder"
	wait "$recorder" || :
	cat "$tmp/packets"
	# Each packet once; how both ends close is up to who is faster.
	conversation > "$tmp/said"
	cat > "$tmp/wanted" <<-END
	connect REQUEST 3 $cid:$echo_port 0 
	connect RESPONSE $cid:$echo_port 3 0 
	payload RW 3 $cid:$echo_port 13 hello enclave
	payload RW $cid:$echo_port 3 13 hello enclave
	END
	grep -v ^disconnect "$tmp/said" | diff - "$tmp/wanted"
	grep -q "^disconnect SHUTDOWN 3 $cid:$echo_port 0 " "$tmp/said"
	ip link del vsockmon0
	close_client a
}

check "the packets of a connection" one_connection
[ -z "${NE_VSOCK_PCAP-}" ] || cp "$tmp/pcap" "$NE_VSOCK_PCAP"
finish
