#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Once: the VMM provides the console.
# The console of a real enclave, at CID 0: available from the start to the end of the
# enclave, for many readers, early and late, fast and slow.

set -eu
# shellcheck source=lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"

need_program socat python3
need_host 160
need_daemon
need_image
# Less than the guest prints while it boots.
small_buffer=4096

# copy_console FILE [SECONDS] - copy the console until its end
copy_console() {
	timeout "${2:-60}" python3 "$here/lib/console_reader.py" "$cid" > "$1" < /dev/null
}

# Start a reader without the client's descriptors; $reader is its process id.
copy_aside() {
	(
		exec 7>&- 8>&- 9>&-
		copy_console "$@"
	) &
	reader=$!
}

# Print the first lines, which every reader gets.
beginning() {
	sed '/Run \/init as init process/q' "$1" | tr -d '\r'
}

first_moment() {
	client a -m 128 -i "$image" -d
	wait_said 20 a cid
	cid=$(value a cid)
	# So far, the enclave has only been started.
	mkfifo "$tmp/go"
	(
		exec 8>&- 9>&-
		python3 "$here/lib/console_reader.py" "$cid" "$small_buffer" < "$tmp/go" \
			> "$tmp/slow" 2> "$tmp/slow.said"
	) &
	slow=$!
	exec 7> "$tmp/go"
	wait_for 20 grep -qE 'connected|Error' "$tmp/slow.said"
	cat "$tmp/slow.said"
	grep -q connected "$tmp/slow.said"
	copy_aside "$tmp/early"
	early=$reader
	# The slow reader has read nothing, but the guest was not blocked.
	wait_said 90 a heartbeat
	wait_for 20 agent_answers "$cid"
	[ ! -s "$tmp/slow" ]
	grep -q 'Linux version' "$tmp/early"
	[ "$(wc -c < "$tmp/early")" -gt "$small_buffer" ]
	[ "$(beginning "$tmp/early" | wc -l)" -gt 20 ]

	# Several late readers, repeatedly: each reads from the beginning.
	for n in 1 2 3 4 5; do
		copy_aside "$tmp/late.$n" 6
	done
	copy_console "$tmp/late.6" 6 || :
	wait_for 10 late_ones_equal

	# The slow reader finally reads and has missed nothing.
	exec 7>&-
	wait_for 10 grep -q 'Run /init as init process' "$tmp/slow"
	beginning "$tmp/slow" > "$tmp/slow.begin"
	beginning "$tmp/early" | diff - "$tmp/slow.begin"

	# All readers get the end of file when the enclave ends.
	close_client a
	wait "$early"
	wait "$slow"
	cmp "$tmp/early" "$tmp/slow"
	gone
}

late_ones_equal() {
	for n in 1 2 3 4 5 6; do
		beginning "$tmp/late.$n" > "$tmp/late"
		beginning "$tmp/early" | cmp -s - "$tmp/late" || return 1
	done
}

gone() {
	python3 "$here/lib/ask.py" 0 "$((10000 + cid))" | grep -x ECONNRESET
}

production() {
	run_image a -m 128
	cid=$(value a cid)
	gone
	close_client a
}

check "the console, from the start to the end" first_moment
check "a production enclave has none" production
finish
