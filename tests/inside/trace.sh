#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# What real enclaves do, as "ne-emu trace" shows it.
#
# Once: the kernel of the host has no part in it.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3 socat setpriv
need_host 160
need_daemon
need_image

forget() {
	result=$?
	set +e
	ne-emu stop first second third > /dev/null 2>&1
	(exit "$result")
	undo
}
trap forget EXIT

# start NAME OPTION... - returns once the enclave has booted
start() {
	name=$1
	shift
	timeout 90 ne-emu run --memory 128 --detach --name "$name" "$@" "$image" > "$tmp/$name.run"
}

cid_of() {
	ne-emu ps --filter name="$1" --format '{cid}'
}

# trace ENCLAVE OPTION... - in the background, into $tmp/trace; its process id is $tracer
trace() {
	rm -f "$tmp/trace"
	ne-emu trace "$@" -o "$tmp/trace" 2> "$tmp/err" &
	tracer=$!
	wait_for 10 grep -sq begin "$tmp/trace" || {
		cat "$tmp/err"
		return 1
	}
}

stop_trace() {
	kill -INT "$tracer"
	wait "$tracer"
}

# nsm REQUEST - have the first enclave send a request to its NSM; octal escapes as of printf
nsm() {
	# shellcheck disable=SC2059 # the request is a format
	printf "$1" | timeout 20 socat -t 20 - "VSOCK-CONNECT:$(cid_of first):5008" | wc -c
}

ATTESTATION='\241\153Attestation\243\151user_data\106secret\145nonce\366\152public_key\366'
LOCKED='\241\147LockPCR\241\145index\000'

requests() {
	nsm '\151GetRandom'
	nsm "$ATTESTATION"
	nsm "$LOCKED"
}

# The kernel asks for random numbers as well.
attestation() {
	start first
	trace first --filter nsm
	requests
	wait_for 10 grep -q 'LockPCR(index=0) = ReadOnlyIndex <' "$tmp/trace"
	cat "$tmp/trace"
	grep -q 'nsm *GetRandom() = ok, [0-9]* bytes <' "$tmp/trace"
	grep 'Attestation(' "$tmp/trace" | grep -q \
		'user_data=6 bytes, nonce=none, public_key=none) = ok, [0-9]\{4\} bytes <0\.'
	fails grep secret "$tmp/trace"
	fails grep vsock "$tmp/trace"
	stop_trace
}

connections() {
	cid=$(cid_of first)
	trace first --filter vsock,heartbeat,console
	echo_works "$cid"
	# Nobody listens there.
	fails vsock_exchange "$cid" 5999 x
	wait_for 10 grep -q ':5999\|guest:5999 .* refused by guest' "$tmp/trace"
	cat "$tmp/trace"
	grep -q 'guest:5005 3:[0-9]* request by parent' "$tmp/trace"
	grep -q 'guest:5005 3:[0-9]* open by guest' "$tmp/trace"
	wait_for 10 grep -q "guest:5005 .* closed by .*, $((6 + ${#cid})) bytes to parent" "$tmp/trace"
	stop_trace
	fails grep hello "$tmp/trace"
}

as_json() {
	trace first --json
	requests
	wait_for 10 grep -q '"Error": "ReadOnlyIndex"' "$tmp/trace"
	stop_trace
	python3 - "$tmp/trace" <<-'PYTHON'
	import json, sys
	events = [json.loads(line) for line in open(sys.argv[1])]
	kinds = {event["Kind"] for event in events}
	assert events[0]["Kind"] == "begin" and {"nsm", "vsock"} <= kinds <= {
	    "begin", "nsm", "vsock", "exit"}, kinds
	assert all(event["FormatVersion"] == 1 for event in events)
	times = [event["AtUs"] for event in events]
	assert times == sorted(times), times
	document = [event for event in events if event.get("Operation") == "Attestation"]
	assert len(document) == 1 and document[0]["UserDataBytes"] == 6
	assert document[0]["DurationUs"] > 0
	PYTHON
}

# Of readers and writers that go away, nothing is left; the enclave does not notice.
killed_client() {
	fds=$(find "/proc/$(vmm_pids)/fd" -mindepth 1 | wc -l)
	for turn in 1 2 3 4 5 6; do
		trace first
		kill -9 "$tracer"
		wait "$tracer" || :
	done
	echo "$turn killed"
	trace first --filter nsm
	requests
	wait_for 10 grep -q 'LockPCR(index=0)' "$tmp/trace"
	stop_trace
	[ "$(find "/proc/$(vmm_pids)/fd" -mindepth 1 | wc -l)" = "$fds" ]
	echo_works "$(cid_of first)"
	timeout 20 ne-emu trace first | head -n 1
}

no_daemon() {
	trace first --filter nsm
	kill -9 "$(daemon_pid)"
	requests
	wait_for 10 grep -q 'LockPCR(index=0)' "$tmp/trace"
	start_daemon
	stop_trace
}

strangers() {
	gid=$(getent group ne | cut -d : -f 3)
	# The name is known only to its owner.
	fails setpriv --reuid 65534 --regid 65534 --groups "$gid" \
		ne-emu trace "$(cid_of first)" > "$tmp/out" 2>&1
	cat "$tmp/out"
	grep -q 'belongs to user 0' "$tmp/out"
	fails ne-emu trace first --filter nsm,x > "$tmp/out" 2>&1
	grep '"x" is not a kind of events' "$tmp/out"
}

# The end of the enclave is the end of the trace.
to_the_end() {
	start second --debug
	trace second
	control "$(cid_of second)" reboot
	wait "$tracer"
	cat "$tmp/trace"
	grep -q 'console  *".*"' "$tmp/trace"
	grep -q 'end  *guest-reset: ' "$tmp/trace"
	trace first
	ne-emu stop first
	wait "$tracer"
	wait_for 10 no_vmm
}

# From the first instruction: a production enclave stands until it is traced.
from_the_beginning() {
	start third --trace "$tmp/whole"
	grep -q 'device *vsock reset' "$tmp/whole"
	grep -q 'device *nsm status ACKNOWLEDGE|DRIVER|FEATURES_OK|DRIVER_OK' "$tmp/whole"
	grep -q 'heartbeat .* byte by guest: 0xb7' "$tmp/whole"
	wait_for 10 grep -q 'heartbeat .* byte by parent: 0xb7' "$tmp/whole"
	fails grep 'console' "$tmp/whole"
	[ "$(stat -c %a "$tmp/whole")" = 600 ]
	ne-emu timeline third
	ne-emu stop third
	wait_for 10 grep -q ' end  ' "$tmp/whole"
	cat "$tmp/whole"
}

check_each from_the_beginning attestation connections as_json killed_client no_daemon strangers to_the_end
finish
