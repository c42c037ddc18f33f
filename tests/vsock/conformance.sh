#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# The kernel's vsock_test, unmodified, between the parent and an enclave, with each side once
# as the client. Its control connection uses vsock, too (resolve.c). Each of its cases is a
# case here, with the same number.

set -eu
# shellcheck source=lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"

need_program socat
need_host 160
need_daemon
need_image


run_here() {
	timeout 200 "$bin/vsock_test" --peer-cid="$cid" --control-port="$port" "$@"
}

run_there() {
	in_guest "$cid" /vsock_test --peer-cid=3 --control-port="$port" "$@"
}

server_listens() {
	grep -q 'Control socket listening' "$tmp/server"
}

# both DIRECTION SKIPS - run both sides; their output goes to $tmp/client and $tmp/server
both() {
	case $1 in
	out) client=run_here server=run_there host=$cid ;;
	in) client=run_there server=run_here host=3 ;;
	esac
	# The ports of a run are free when its last sockets are gone.
	port=$((port + 10))
	# shellcheck disable=SC2086 # a list
	set -- --peer-port=$((port + 1)) $2
	: > "$tmp/server"
	"$server" --mode=server --control-host="$any_cid" "$@" > "$tmp/server" 2>&1 &
	server=$!
	wait_for 20 server_listens
	"$client" --mode=client --control-host="$host" "$@" > "$tmp/client" 2>&1 || :
	wait "$server" || :
}

# The case that a side has begun but not ended; it ended the whole run.
broken_case() {
	sed -n '/\.\.\.\(ok\|skipped\)$/d; s/^\([0-9]*\) - .*/\1/p' "$tmp/client" "$tmp/server" |
		sort -n | head -n 1
}

# keep FROM TO - keep the client's results of these cases
keep() {
	awk -v from="$1" -v to="$2" '
		/^[0-9]+ - / && $1 >= from && $1 <= to' "$tmp/client" >> "$tmp/cases"
}

# run_all DIRECTION - the client runs here ("out") or in the enclave ("in"). A failure ends
# vsock_test, which is then started again from that case. Some of its waits take only
# 100 ms, too little for a CPU emulated on a busy host, so a case fails after three failures.
run_all() {
	: > "$tmp/cases"
	from=0 skip='' tries=0
	while :; do
		both "$1" "$skip"
		broken=$(broken_case)
		keep "$from" "${broken:-999}"
		[ -n "$broken" ] || break
		[ "$broken" = "$from" ] || tries=0
		tries=$((tries + 1)) from=$broken
		{
			tail -n 4 "$tmp/client"
			tail -n 4 "$tmp/server"
		} > "$tmp/why"
		echo "case $broken failed, try $tries of 3" >> "$tmp/tries"
		if [ "$tries" = 3 ]; then
			mv "$tmp/why" "$tmp/why.$broken"
			from=$((broken + 1)) tries=0
		fi
		skip=$([ "$from" = 0 ] || seq -f --skip=%.0f 0 $((from - 1)))
	done
	grep -q 'All tests have been executed. Waiting other peer...ok$' "$tmp/client"
}

one_case() {
	if [ -e "$tmp/why.$1" ]; then
		cat "$tmp/why.$1"
		return 1
	fi
	grep "^$1 - .*\.\.\.ok$" "$tmp/cases"
}

direction() {
	rm -f "$tmp"/why.*
	: > "$tmp/tries"
	port=$2
	check "vsock_test $1: runs to its end" run_all "$1"
	[ ! -s "$tmp/tries" ] || note "$(cat "$tmp/tries")"
	while read -r number name; do
		check "vsock_test $1 $number - $name" one_case "$number"
	done < "$tmp/list.numbers"
}

# --list prints to standard output and always exits with the status of a failure.
run_image a -m 256
cid=$(value a cid)
wait_for 20 agent_answers "$cid"
"$bin/vsock_test" --list > "$tmp/list" || :
sed -n 's/^\([0-9][0-9]*\)\t/\1 /p' "$tmp/list" > "$tmp/list.numbers"
[ -s "$tmp/list.numbers" ]
direction out 7000
direction in 7500
close_client a
finish
