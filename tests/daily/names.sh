#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Enclaves as people name them: by name, as the only one, as the latest one.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu jq setpriv
need_host 256
need_daemon
need_image
trap 'ne-emu stop --all > /dev/null 2>&1 || :; undo' EXIT

# says TEXT COMMAND... - the command fails and prints the text
says() {
	says_text=$1
	shift
	fails "$@" > "$tmp/said" 2>&1 && grep -q -e "$says_text" "$tmp/said" && return 0
	cat "$tmp/said"
	return 1
}

start() {
	ne-emu run --memory 128 --debug --detach --name "$1" "$image"
}

# Every user of the device: its group.
as_member() {
	setpriv --reuid 65534 --regid 65534 --groups "$(getent group ne | cut -d : -f 3)" "$@"
}

none() {
	for command in console stop "lab show -l"; do
		# shellcheck disable=SC2086 # words
		says 'no enclave is running; "ne-emu run" starts one' ne-emu $command
	done
}

only_one() {
	start web
	timeout 20 ne-emu console > "$tmp/console" &
	wait_for 20 grep -a -q 'payload: ready' "$tmp/console"
	ne-emu lab show --latest | grep -q '^flaws'
	ne-emu lab set web flaws=stale
	[ "$(ne-emu ps --format '{name} {status}' | cut -d ' ' -f 1,2)" = "web running" ]
	# It is never given to somebody else.
	says "no enclave of yours is running, only of other users: name enc.* (CID" \
		as_member ne-emu stop
	ne-emu stop > "$tmp/said"
	grep 'enc[0-9a-f]* stopped$' "$tmp/said"
	wait
}

several() {
	start web
	start second
	says '2 enclaves are running: name one of enc.*, web), enc.*, second), or use --latest' \
		ne-emu console
	says "there is no enclave nope" ne-emu stop web nope
	[ "$(ne-emu ps -q | wc -l)" = 2 ]
	[ "$(ne-emu ps --filter name=second --format '{name}')" = second ]
	[ "$(ne-emu ps -f name=second -f debug=false | wc -l)" = 1 ]
	ne-emu ps --json | jq -e '[.[].Name] == ["web", "second"] and all(.[]; .StartTime)'
	ne-emu ps > "$tmp/ps"
	cat "$tmp/ps"
	[ "$(awk 'length > 80' "$tmp/ps")" = "" ]
	ne-emu stop --latest
	[ "$(ne-emu ps --format '{name}')" = web ]
	start third
	ne-emu stop web third web
	[ "$(ne-emu ps -q)" = "" ]
	[ "$(ne-emu ps -a --format '{name} {state}' | tail -n 1)" = "third TERMINATED" ]
	[ "$(ne-emu ps -a | awk 'length > 80')" = "" ]
}

check "no enclave" none
check "the only enclave" only_one
check "several enclaves" several
finish
