#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Two enclaves side by side, and vsock between each of them and the parent in
# both directions.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_host 160
need_daemon
need_image
need_program socat python3

side_by_side() {
	remember
	run_image a
	run_image b
	cid_a=$(value a cid) cid_b=$(value b cid)
	echo "CIDs $cid_a and $cid_b"
	[ "$cid_a" != "$cid_b" ]
	for cid in "$cid_a" "$cid_b" "$cid_a"; do
		echo_works "$cid"
	done
	from_enclave "$cid_a" 6001
	from_enclave "$cid_b" 6002
	bulk "$cid_a" & one=$!
	bulk "$cid_b" & two=$!
	wait "$one"
	wait "$two"
	close_client a
	echo_works "$cid_b"
	fails echo_once "$cid_a"
	close_client b
	same_as_before
}

# from_enclave CID PORT - the enclave connects to the parent's listener; bytes go through the
# enclave in both directions, and each stream ends with end of file.
from_enclave() {
	printf 'from the listener\n' > "$tmp/listener.$1.in"
	timeout 60 socat -t 10 "VSOCK-LISTEN:$2" SYSTEM:"cat $tmp/listener.$1.in; cat > $tmp/listener.$1.out" &
	listener=$!
	wait_for 5 listening "$2"
	printf '%s\nfrom the client\n' "$2" |
		timeout 60 socat -t 10 - "VSOCK-CONNECT:$1:5006" > "$tmp/client.$1.out"
	wait "$listener"
	cat "$tmp/client.$1.out" "$tmp/listener.$1.out"
	grep -q 'from the listener' "$tmp/client.$1.out"
	grep -q "hello from enclave CID $1" "$tmp/listener.$1.out"
	grep -q 'from the client' "$tmp/listener.$1.out"
}

listening() {
	ss -l --vsock 2>/dev/null | grep -q ":$1 "
}

# Send 2 MiB there and back and compare them, in both directions at the same time, so that
# each side must read while it writes.
bulk() {
	timeout 200 python3 - "$1" <<-'PYTHON'
	import os, socket, sys, threading, time
	data = os.urandom(2 << 20)
	s = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
	s.connect((int(sys.argv[1]), 5005))
	def send():
	    s.sendall(data)
	    s.shutdown(socket.SHUT_WR)
	begin = time.monotonic()
	threading.Thread(target=send).start()
	back = b""
	while chunk := s.recv(1 << 18):
	    back += chunk
	print(f"CID {sys.argv[1]}: {len(back)} bytes back in {time.monotonic() - begin:.1f} s")
	sys.exit(back != data)
	PYTHON
}

# A CID without an enclave refuses connections at once, without a timeout.
nobody() {
	fails timeout 30 socat - VSOCK-CONNECT:4000:5005 < /dev/null > "$tmp/said" 2>&1
	cat "$tmp/said"
	grep -q 'E connect' "$tmp/said"
	fails grep -q 'timed out' "$tmp/said"
}

check "two enclaves, both directions" side_by_side
check "connection to an unused CID" nobody
finish
