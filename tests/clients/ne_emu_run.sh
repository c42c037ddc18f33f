#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# The launcher: run, ps, console, logs, stop.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3
need_host 160
need_daemon
need_image

# json FILE EXPRESSION - of the parsed file, called d
json() {
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' \
		"$1" "$2"
}

detached() {
	timeout 90 ne-emu run --detach --json --memory 128 "$@" "$image" > "$tmp/run.json" \
		2> "$tmp/run.err" || {
		cat "$tmp/run.err"
		return 1
	}
	id=$(json "$tmp/run.json" 'd["EnclaveID"]')
	cid=$(json "$tmp/run.json" 'd["EnclaveCID"]')
}

list() {
	ne-emu ps --json > "$tmp/ps.json"
	json "$tmp/ps.json" "$1"
}

stop() {
	timeout 30 ne-emu stop "$1"
	wait_for 10 no_vmm
}

run_and_stop() {
	remember
	[ "$(list 'len(d)')" = 0 ]
	detached
	[ "$(json "$tmp/run.json" 'd["State"]')" = RUNNING ]
	[ "$(json "$tmp/run.json" 'd["Emulated"]')" = True ]
	[ "$(json "$tmp/run.json" 'd["MemoryMiB"]')" = 128 ]
	[ "$(list 'len(d)')" = 1 ]
	[ "$(list 'd[0]["EnclaveID"]')" = "$id" ]
	[ "$(list 'd[0]["EnclaveCID"]')" = "$cid" ]
	echo_works "$cid"
	stop "$id"
	[ "$(list 'len(d)')" = 0 ]
	same_as_before
}

stranger() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

stranger_elsewhere() {
	unshare --net --pid --fork setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

# seen_by WHO - the process, user and end of the only enclave, as ps shows them to WHO
seen_by() {
	"$1" ne-emu ps --json > "$tmp/seen.json"
	json "$tmp/seen.json" '[type(d[0][k]).__name__ for k in ("ProcessID", "OwnerUID", "ExitReason", "ExitText")]'
}

has_ended() {
	[ "$(list 'd[0]["State"]')" = STOPPED ]
}

others_see_and_stop_less() {
	remember
	run_image a
	uid=$(value a uid)
	fails stranger timeout 30 ne-emu stop "$uid" 2> "$tmp/said"
	grep 'belongs to user 0; use sudo' "$tmp/said"
	fails stranger_elsewhere timeout 30 ne-emu stop "$uid" 2> "$tmp/said"
	grep 'belongs to a user outside this container' "$tmp/said"

	# Otherwise its launcher would close it at once.
	kill -STOP "$(client_pid a)"
	control "$(value a cid)" reboot
	wait_for 60 has_ended
	[ "$(seen_by env)" = "['int', 'int', 'str', 'str']" ]
	[ "$(seen_by stranger)" = "['int', 'int', 'str', 'NoneType']" ]
	[ "$(seen_by stranger_elsewhere)" = "['NoneType', 'NoneType', 'str', 'NoneType']" ]
	ne-emu ps --no-trunc | grep ' ended: guest-reset: .'
	stranger ne-emu ps --format '{pid} {owner} {exit}' | grep '^[0-9][0-9]* root guest-reset$'
	stranger_elsewhere ne-emu ps --format '{pid} {owner} {exit}' | grep '^  guest-reset$'
	kill -CONT "$(client_pid a)"
	close_client a
	same_as_before
}

console() {
	remember
	detached --debug --cid 33
	[ "$cid" = 33 ]
	timeout 60 ne-emu console "$id" > "$tmp/console" 2> "$tmp/console.err" &
	reader=$!
	wait_for 20 grep -a -q 'payload: ' "$tmp/console"
	# From the beginning, although the reader came late.
	grep -a -q 'Linux version' "$tmp/console"
	stop "$id"
	# The end of the enclave is the orderly end of the stream.
	wait "$reader"
	ne-emu logs "$id" > "$tmp/logs"
	grep -a -q 'Linux version' "$tmp/logs"
	grep -a -q 'payload: ' "$tmp/logs"
	same_as_before
}

console_without_debug() {
	detached
	status=0
	timeout 10 ne-emu console "$id" > "$tmp/console" 2>&1 || status=$?
	cat "$tmp/console"
	stop "$id"
	[ "$status" != 0 ] && [ "$status" != 124 ]
	grep -q -i debug "$tmp/console"
}

# run stays in the foreground and shows the console until the guest ends.
foreground() {
	remember
	timeout 120 ne-emu run --memory 128 --debug --console --cid 34 "$image" > "$tmp/out" \
		2> "$tmp/err" &
	runner=$!
	wait_for 60 grep -a -q 'payload: ' "$tmp/out"
	control 34 reboot
	wait "$runner"
	grep -q 'ended' "$tmp/err"
	same_as_before
}

interrupted() {
	remember
	timeout 120 ne-emu run --memory 128 --cid 35 "$image" > "$tmp/out" 2> "$tmp/err" &
	runner=$!
	wait_for 60 grep -q booted "$tmp/out"
	kill "$runner"		# timeout passes it on
	wait "$runner" || :
	same_as_before
}

fault() {
	remember
	timeout 120 ne-emu run --memory 128 --cid 36 "$image" > "$tmp/out" 2> "$tmp/err" &
	runner=$!
	wait_for 60 grep -q booted "$tmp/out"
	control 36 triplefault
	status=0
	wait "$runner" || status=$?
	cat "$tmp/err"
	[ "$status" = 125 ]
	same_as_before
}

start_one() {
	timeout 180 ne-emu run --detach --json --memory 128 --cid "$1" "$image" > "$tmp/run.$1"
}

two_starts_at_once() {
	remember
	start_one 37 & first=$!
	start_one 38 & second=$!
	wait "$first"
	wait "$second"
	echo_works 37
	echo_works 38
	[ "$(list 'len(d)')" = 2 ]
	for cid in 37 38; do
		timeout 30 ne-emu stop "$(json "$tmp/run.$cid" 'd["EnclaveID"]')"
	done
	same_as_before
}

check "run --detach, ps, stop" run_and_stop
check "others see less and stop nothing" others_see_and_stop_less
check "console and logs in debug mode" console
check "console without debug mode: refused" console_without_debug
check "run --console until the guest ends" foreground
check "run ended by a signal" interrupted
check "run with a fault: exit status 125" fault
check "two starts at once" two_starts_at_once
finish
