#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Once: the kernel provides the monitors.
# "ne-emu pcap": an enclave's packets from the kernel's monitor device.

set -eu
# shellcheck source=lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"

need_program socat python3 jq
need_host 160
need_daemon
need_image

# begin_capture FILE ARGUMENT... - in the background; its messages go to FILE.said
begin_capture() {
	capture_file=$1
	shift
	ne-emu pcap --write "$capture_file" "$@" 2> "$capture_file.said" 8>&- &
	capture_pid=$!
	wait_for 20 grep -q '^Capturing' "$capture_file.said"
}

# end_capture SIGNAL - end it with the signal; returns its exit status
end_capture() {
	kill -s "$1" "$capture_pid"
	wait "$capture_pid"
}

shown() {
	python3 "$here/lib/capture.py" "$tmp/pcap" "$cid" > "$tmp/packets"
}

captured() {
	shown
	grep -q "$1" "$tmp/packets"
}

# Print the packets of one connection, without credit updates.
conversation() {
	port=$(sed -n "s/.* RW 3:\([0-9]*\) .* hello .*/\1/p" "$tmp/packets" | head -n 1)
	grep ":$port " "$tmp/packets" | grep -v CREDIT_ | sed "s/:$port / /"
}

one_connection() {
	ip link > "$tmp/links"
	begin_capture "$tmp/pcap" "$cid"
	[ "$(vsock_exchange "$cid" "$echo_port" "hello enclave")" = "hello enclave" ]
	wait_for 10 captured "disconnect RST .*:$echo_port "
	end_capture INT
	cat "$tmp/packets" "$tmp/pcap.said"
	shown
	grep -qx "$(wc -l < "$tmp/packets") packets captured" "$tmp/pcap.said"
	# Each packet once; the order of the closing packets depends on which end is faster.
	conversation > "$tmp/said"
	cat > "$tmp/wanted" <<-END
	connect REQUEST 3 $cid:$echo_port 0 
	connect RESPONSE $cid:$echo_port 3 0 
	payload RW 3 $cid:$echo_port 13 hello enclave
	payload RW $cid:$echo_port 3 13 hello enclave
	END
	grep -v ^disconnect "$tmp/said" | diff - "$tmp/wanted"
	grep -q "^disconnect SHUTDOWN 3 $cid:$echo_port 0 " "$tmp/said"
	# The monitor device is gone, and only the owner can read the file.
	ip link | diff "$tmp/links" -
	[ "$(stat -c %a "$tmp/pcap")" = 600 ]
}

# tshark, where it is installed, finds the same packets.
tshark_reads() {
	command -v tshark > /dev/null || skip "tshark is not installed"
	tshark -r "$tmp/pcap" > "$tmp/tshark"
	[ "$(wc -l < "$tmp/tshark")" = "$(wc -l < "$tmp/packets")" ]
	tshark -r "$tmp/pcap" -Y "vsock.dst_cid == $cid && vsock.dst_port == $echo_port" \
		-T fields -e vsock.payload | grep -qi "$(printf 'hello enclave' | od -An -tx1 | tr -d ' \n')"
}

# Captures the console of this enclave, but no other port of CID 0.
console_too() {
	begin_capture "$tmp/console" "$cid" --snaplen 76
	fails timeout 5 socat -u VSOCK-CONNECT:0:10001 -
	timeout 5 socat -u "VSOCK-CONNECT:0:$((10000 + cid))" - > "$tmp/text" || :
	grep -q 'Linux version' "$tmp/text"
	end_capture TERM
	python3 "$here/lib/capture.py" "$tmp/console" 0 > "$tmp/packets"
	grep -q "^payload RW 0:$((10000 + cid)) 3:" "$tmp/packets"
	fails grep -q ':10001 ' "$tmp/packets"
	# Without payload: the largest packet in the file consists of both headers.
	fails grep -q 'Linux' "$tmp/console"
}

count_ends_it() {
	begin_capture "$tmp/three" --count 3
	vsock_exchange "$cid" "$echo_port" "hello enclave"
	wait "$capture_pid"
	grep -qx '3 packets captured' "$tmp/three.said"
	[ "$(python3 "$here/lib/capture.py" "$tmp/three" "$cid" | wc -l)" = 3 ]
}

# A reader that goes away is not a failure.
reader_goes() {
	ne-emu pcap 2> "$tmp/said" | head -c 24 > "$tmp/header"
	[ "$(wc -c < "$tmp/header")" = 24 ]
	grep -q 'packets captured' "$tmp/said"
}

refused() {
	for arguments in "--count 0" "--snaplen 75" "--snaplen 262145" "1 2"; do
		status=0
		# shellcheck disable=SC2086 # words
		ne-emu pcap $arguments > "$tmp/said" 2>&1 || status=$?
		[ "$status" = 2 ]
	done
	status=0
	ne-emu pcap enc0000000000000001 > "$tmp/said" 2>&1 || status=$?
	[ "$status" = 1 ]
	grep -q 'there is no enclave' "$tmp/said"
	status=0
	ne-emu pcap -w /dev/full > "$tmp/said" 2>&1 || status=$?
	[ "$status" = 1 ]
	grep -q 'No space left on device' "$tmp/said"
	# Without any one of the capabilities it fails with a message.
	for cap in sys_admin net_admin net_raw; do
		status=0
		setpriv --bounding-set "-$cap" --inh-caps "-$cap" \
			ne-emu pcap > "$tmp/pcap.no" 2> "$tmp/said" || status=$?
		cat "$tmp/said"
		[ "$status" = 1 ]
		grep -q 'Operation not permitted; use sudo' "$tmp/said"
	done
}

# Root sees the counters in ps; other users see that the key exists.
counters_shown() {
	ne-emu ps --json > "$tmp/ps"
	jq -e ".[] | select(.EnclaveCID == $cid) | .Vsock |
		.DroppedPackets + .MalformedPackets == 0" "$tmp/ps"
	fails sh -c 'ne-emu doctor | grep vsock-packets'
	runuser -u nobody -- ne-emu ps --json > "$tmp/ps"
	jq -e ".[] | select(.EnclaveCID == $cid) | has(\"Vsock\") and .Vsock == null" "$tmp/ps"
}

run_image a -m 192 -d
cid=$(value a cid)
wait_for 20 agent_answers "$cid" > /dev/null
check "the packets of a connection" one_connection
check "tshark reads them" tshark_reads
[ -z "${NE_VSOCK_PCAP-}" ] || cp "$tmp/pcap" "$NE_VSOCK_PCAP"
check "the console's packets, their headers alone" console_too
check "a number of packets" count_ends_it
check "the reader goes away" reader_goes
check "invalid arguments and missing rights" refused
check "counters of refused and dropped packets" counters_shown
close_client a
finish
