#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Enclaves as people name them: by name, as the only one, as the latest one. What is known of
# those that run and of those that have ended.
#
# Once: the kernel only reports changes, which other tests check on each one.

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

# What wait and the records know is what run would have said.
ended() {
	ne-emu events --json > "$tmp/events" &
	events=$!
	ne-emu events > "$tmp/lines" &
	ne-emu events | head -n 1 > "$tmp/first" &
	start web
	ne-emu inspect --json > "$tmp/inspect"
	ne-emu inspect web > "$tmp/text"
	cat "$tmp/text"
	ne-emu eif describe --json "$image" | jq .Measurements.PCR0 > "$tmp/pcr0"
	jq -e --slurpfile pcr0 "$tmp/pcr0" --arg image "$image" '.Image == $image and
		.Measurements.PCR0 == $pcr0[0] and .State == "RUNNING" and .BootTime > .StartTime and
		(.Console | endswith("/console.log"))' "$tmp/inspect"
	id=$(jq -r .EnclaveID "$tmp/inspect")
	grep "^image  *$image\$" "$tmp/text"
	# Others may wait, and do not learn more than the reason.
	as_member ne-emu wait "$id" 2> "$tmp/others" &
	others=$!
	ne-emu wait 2> "$tmp/waited" &
	waiting=$!
	timeout 0.5 ne-emu wait web && return 1
	control "$(ne-emu ps --format '{cid}')" 'exit 3'
	status=0
	wait $waiting || status=$?
	[ $status = 3 ]
	grep "^$id ended: guest-reset: the program exited with status 3\$" "$tmp/waited"
	wait $others
	grep "^$id ended: guest-reset\$" "$tmp/others"
	wait_for 10 no_vmm
	status=0
	ne-emu wait --json web > "$tmp/waited" || status=$?
	[ $status = 3 ]
	jq -e '.ExitCode == 3 and .EndTime != null' "$tmp/waited"
	ne-emu inspect --json -l | jq -e --arg id "$id" '.EnclaveID == $id and .EndTime > .BootTime'
	[ "$(cut -d " " -f 2- "$tmp/first")" = "$(head -n 1 "$tmp/lines" | cut -d " " -f 2-)" ]
	wait_for 10 grep -q released "$tmp/events"
	jq -s -e --arg id "$id" '[.[] | select(.EnclaveID == $id)] | [.[].Event][-3:] ==
		["started", "ended", "released"] and .[-2].ExitCode == 3 and
		all(.[]; .FormatVersion == 1)' "$tmp/events"
	kill $events
}

removed() {
	start web
	id=$(ne-emu ps -q)
	says 'has not ended; "ne-emu stop' ne-emu rm web
	ne-emu stop web
	says "$id belongs to root" as_member ne-emu rm "$id"
	ne-emu rm "$id"
	[ ! -e "$log_folder/0/${id#enc}" ]
	says "there are no logs of $id" ne-emu rm "$id"
	start web
	ne-emu stop
	id=$(ne-emu ps -a -q | tail -n 1)
	ne-emu rm --all > "$tmp/removed"
	grep "^$id removed\$" "$tmp/removed"
	[ -z "$(ne-emu ps -aq --filter owner=root)" ]
}

followed() {
	start_time=$(date -u +%FT%TZ)
	start web
	ne-emu logs -f web > "$tmp/followed" 2> "$tmp/end" &
	following=$!
	ne-emu logs -f | head -n 1 > /dev/null
	wait_for 20 grep -a -q 'payload: ready' "$tmp/followed"
	control "$(ne-emu ps --format '{cid}')" 'exit 3'
	wait $following
	grep 'ended .*: the program exited with status 3$' "$tmp/end"
	ne-emu logs web 2> /dev/null | cmp - "$tmp/followed"
	# The file has a date in front of each line; without them, it is what the guest printed.
	ne-emu logs -t web 2> /dev/null > "$tmp/dated"
	cmp "$tmp/dated" "$log_folder"/0/"$(ne-emu ps -aq | tail -n 1 | cut -c 4-)"/console.log
	grep -c -v -a '^20[0-9-]*T[0-9:.]*Z ' "$tmp/dated" && return 1
	cut -c 26- "$tmp/dated" | cmp - "$tmp/followed"
	# The earlier of both comes first.
	{ echo "$start_time" && head -c 20 "$tmp/dated" && echo; } | sort -c
	[ "$(ne-emu logs --tail 3 2> /dev/null | wc -l)" = 3 ]
	ne-emu logs --since 1d 2> /dev/null | cmp - "$tmp/followed"
	[ -z "$(ne-emu logs --since 0s 2> /dev/null)" ]
}

# Nothing of an enclave is left when stop returns. Without the wait, a VMM is left each time.
module_is_free() {
	for i in 1 2; do
		start web
		ne-emu stop -t 20
		no_vmm || {
			echo "round $i: a VMM is left"
			return 1
		}
	done
}

check "no enclave" none
check "the only enclave" only_one
check "several enclaves" several
check "how an enclave has ended" ended
check "records that are removed" removed
check "a log that is followed" followed
check "nothing is left after stop" module_is_free
finish
