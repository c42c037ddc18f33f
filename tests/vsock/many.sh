#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Thousands of connections between the parent and one enclave, whose VMM is then killed or
# which is closed: all end at once, their resources are released, and the next enclave with
# this CID can communicate.

set -eu
# shellcheck source=lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"

need_program socat
need_host 320
need_daemon
need_image
keep_port=5002 listen_port=7800 cid=900
# Time from the end of the first connection to that of the last.
at_once_ms=3000

enclave() {
	run_image "$1" -m 256 -c "$2"
	wait_for 20 agent_answers "$2"
}

# Print the number of sockets and the unreclaimable kernel memory in KiB.
held() {
	sed -n 's/^sockets: used //p' /proc/net/sockstat
	meminfo SUnreclaim
}

few_sockets() {
	[ "$(held | head -n 1)" -lt $((sockets_before + 50)) ]
}

little_memory() {
	[ "$(held | tail -n 1)" -lt $((slab_before + 8192)) ]
}

note_held() {
	# shellcheck disable=SC2046 # two numbers
	set -- $(held) "$@"
	echo "$3: $(($1 - sockets_before)) sockets, $(($2 - slab_before)) KiB of slabs" >> "$tmp/notes"
}

# open_connections OUT IN - open them all; $many waits for their ends
open_connections() {
	out=$1 in=$2
	"$bin/vsock_many" "$cid" "$keep_port" "$out" "$listen_port" "$in" > "$tmp/many" 8>&- 9>&- &
	many=$!
	wait_for 10 grep -q listening "$tmp/many"
	(
		# Not as redirections of a function call, which keep copies of the descriptors.
		exec 8>&- 9>&-
		in_guest "$cid" /payload connect 3 "$listen_port" "$in"
	) > "$tmp/connected" 2>&1 &
	wait_for 60 grep -Eq '^(open|failed)' "$tmp/many" || :
	cat "$tmp/many" "$tmp/connected"
	grep -q '^open' "$tmp/many"
	sed -n 's/^open \(.*\)/all open after \1 ms/p' "$tmp/many" >> "$tmp/notes"
	[ "$(ss --vsock | grep -c "ESTAB.*$cid:$keep_port")" -ge "$out" ]
}

all_end() {
	wait "$many" || {
		cat "$tmp/many"
		return 1
	}
	ended=$(sed -n 's/^ended //p' "$tmp/many")
	echo "all ended: $ended ms" >> "$tmp/notes"
	[ "${ended% *}" = $((out + in)) ]
	[ "${ended#* }" -lt "$at_once_ms" ]
	# The other enclave is not affected.
	in_guest 901 /vsock_perf --help | grep -q benchmark
	wait_for 10 few_sockets
	wait_for 10 little_memory
	note_held after
}

remember_held() {
	# shellcheck disable=SC2046 # two numbers
	set -- $(held)
	sockets_before=$1 slab_before=$2
}

killed() {
	enclave a "$cid"
	remember_held
	vmm=$(pgrep -n -x ne-emu-vmm)
	open_connections 3000 1000
	note_held "connected"
	kill -9 "$vmm"
	all_end
	close_client a
}

# The CID is free: the next enclave communicates at once.
stopped() {
	enclave a "$cid"
	[ "$(vsock_exchange "$cid" "$echo_port" "hello again")" = "hello again" ]
	remember_held
	open_connections 800 400
	close_client a
	all_end
}

# Print the figures for readers of the log.
noted() {
	note "$(cat "$tmp/notes")"
	: > "$tmp/notes"
}

: > "$tmp/notes"
enclave b 901
check "3000 and 1000 connections, the VMM is killed" killed
noted
check "800 and 400 with the same CID, the enclave is closed" stopped
noted
close_client b
finish
