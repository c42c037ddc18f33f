#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# If an enclave ends before its heartbeat, a client that waits on its listener at CID 3
# port 9000 (nitro-cli: for 180 s) is released at once.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_host 80
need_daemon
need_image
need_program python3

# released SECONDS IMAGE [ARGUMENT]... - the wait fails in time
released() {
	limit=$(($1 * ${NE_SLOWNESS:-1})) bad=$2
	shift 2
	remember
	begin=$(now_ms)
	fails "$cycle" -m 128 -i "$bad" "$@" > "$tmp/said" 2>&1
	took=$(($(now_ms) - begin))
	cat "$tmp/said"
	echo "after $took ms"
	grep -q '^cid ' "$tmp/said"
	grep -q '^failed heartbeat' "$tmp/said"
	fails grep -q 'failed heartbeat 110' "$tmp/said"
	[ "$took" -le $((limit * 1000)) ]
	same_as_before
}

bad_image() {
	python3 "$here/lib/eif_edit.py" break "$image" "$tmp/bad.eif"
	released 10 "$tmp/bad.eif"
}

bad_image_debug() {
	python3 "$here/lib/eif_edit.py" break "$image" "$tmp/bad.eif"
	released 10 "$tmp/bad.eif" -d
}

no_init() {
	python3 "$here/lib/eif_edit.py" extract "$image" cmdline "$tmp/cmdline"
	python3 "$here/lib/eif_edit.py" cmdline "$image" \
		"$(cat "$tmp/cmdline") rdinit=/nowhere panic=-1" "$tmp/bad.eif"
	released 60 "$tmp/bad.eif"
}

# An enclave after its heartbeat must not disturb the wait of a later client.
later_wait_is_left_alone() {
	remember
	run_image a
	python3 - <<-'PYTHON' > "$tmp/listener" 2>&1 &
	import socket
	s = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
	s.bind((3, 9000))
	s.listen(1)
	print("listening", flush=True)
	s.settimeout(8)
	try:
	    print("disturbed by", s.accept()[1], flush=True)
	except TimeoutError:
	    print("left alone", flush=True)
	PYTHON
	listener=$!
	wait_for 5 grep -q listening "$tmp/listener"
	control "$(value a cid)" reboot
	wait_said 20 a hangup
	close_client a
	wait "$listener"
	cat "$tmp/listener"
	grep -q 'left alone' "$tmp/listener"
	same_as_before
}

check "bad image" bad_image
check "bad image in debug mode" bad_image_debug
check "kernel that finds no init" no_init
check "no abort after the heartbeat" later_wait_is_left_alone
finish
