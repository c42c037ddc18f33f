#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# "ne-emu port-forward": a port of the host leads to a port of an enclave.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3
need_host 160
need_daemon
need_image

clean_up() {
	ne-emu stop --all > /dev/null 2>&1 || :
}
trap 'clean_up; undo' EXIT

# forward ARGUMENT... - in the background; sets $forward and, from the first line, $port
forward() {
	ne-emu port-forward "$@" > "$tmp/out" 2> "$tmp/err" &
	forward=$!
	wait_for 20 grep -q Forwarding "$tmp/out"
	port=$(sed -n '1s/.*:\([0-9]*\) -> .*/\1/p' "$tmp/out")
}

end_forward() {
	kill -INT "$forward"
	wait "$forward"
}

# Several pairs, the ends passed on, and content, 40 connections at a time.
echoes() {
	forward 0:5005 "$tmp/echo.sock:5005"
	cat "$tmp/out"
	[ "$(stat -c %a "$tmp/echo.sock")" = 600 ]
	python3 - "$port" "$tmp/echo.sock" <<-'PYTHON'
	import os, socket, sys, threading
	bad = []
	def echo(address, family):
	    with socket.socket(family) as s:
	        s.settimeout(60)
	        s.connect(address)
	        data, got = os.urandom(100_000), b""
	        sender = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
	        sender.start()
	        while piece := s.recv(65536):
	            got += piece
	        sender.join()
	        if got != data:
	            bad.append(len(got))
	# Sends, and never reads.
	stuck = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
	stuck.setblocking(False)
	try:
	    while True:
	        stuck.send(bytes(65536))
	except BlockingIOError:
	    pass
	threads = [threading.Thread(target=echo, args=a) for a in
	           [(("127.0.0.1", int(sys.argv[1])), socket.AF_INET)] * 20 +
	           [(sys.argv[2], socket.AF_UNIX)] * 20]
	[t.start() for t in threads]
	[t.join() for t in threads]
	sys.exit(f"bad: {bad}" if bad else 0)
	PYTHON
	end_forward
	fails test -e "$tmp/echo.sock"
}

refused() {
	forward 34 127.0.0.1:0:7777
	fails timeout 20 socat -T 10 - "TCP:127.0.0.1:$port" < /dev/null > "$tmp/answer" || :
	wait_for 10 grep 'cannot connect to port 7777 of enc.*: Connection reset by peer; nothing listens' "$tmp/err"
	end_forward
}

loopback_only() {
	forward 0:5005
	ss -Hltn "sport = :$port" > "$tmp/ss"
	cat "$tmp/ss"
	[ "$(awk '{ print $4 }' "$tmp/ss")" = "127.0.0.1:$port" ]
	end_forward
}

arguments() {
	for words in "34" "34 x" "34 1:2:3:4" "999999:1"; do
		status=0
		# shellcheck disable=SC2086 # words
		ne-emu port-forward $words > "$tmp/out" 2>&1 || status=$?
		echo "$words: $status $(cat "$tmp/out")"
		[ "$status" = 2 ]
	done
	status=0
	ne-emu port-forward 35 0:1 > "$tmp/out" 2>&1 || status=$?
	[ "$status" = 1 ]
	grep 'no enclave 35' "$tmp/out"
}

# The next enclave with this CID may be of another user.
ends_with_the_enclave() {
	forward 0:5005
	ne-emu stop 34
	status=0
	wait "$forward" || status=$?
	cat "$tmp/err"
	[ "$status" = 1 ]
	grep 'enc.* has ended' "$tmp/err"
}

ne-emu run --memory 128 --cid 34 --detach "$image" > "$tmp/run" 2>&1 || lacking "$(cat "$tmp/run")"
check_each echoes refused loopback_only arguments ends_with_the_enclave
finish
