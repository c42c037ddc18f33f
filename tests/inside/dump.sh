#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# "ne-emu pause", "resume", "dump" and "run --dump-on-crash": what goes on meanwhile, who may, what
# is left when a part dies, and whether gdb and drgn can read the result. crash can, too, but takes
# minutes in software emulation.
#
# Once: nothing here depends on the kernel, and debuggers are slow in software emulation.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3 socat jq setpriv gdb drgn
need_host 160
need_daemon
need_image
vmlinux=/usr/lib/debug/usr/share/ne-emu/vmlinux
[ -r "$vmlinux" ] || lacking "there is no $vmlinux"

clean_up() {
	ne-emu stop --all > /dev/null 2>&1 || :
}
trap 'clean_up; undo' EXIT

# A member of group ne who owns nothing.
stranger() {
	setpriv --reuid 65534 --regid ne --clear-groups "$@"
}

# start OPTION... - an enclave with the name web
start() {
	ne-emu run --name web --memory 128 --cid 40 --detach "$@" "$image" > "$tmp/run" 2>&1 || {
		cat "$tmp/run"
		return 1
	}
	echo_works 40
}

progress() {
	cat "$tmp/progress" 2> /dev/null || echo 0
}

goes_on() {
	[ "$(progress)" -gt "$1" ]
}

# A connection in use survives, and so does the pause the end of ne-emud. A guest that stands
# still for some seconds is not taken for one that has halted.
pause_under_traffic() {
	start --debug --dump-on-crash "$tmp/none"
	python3 "$here/lib/echo.py" 40 "$tmp/stop" "$tmp/progress" > "$tmp/echo" 2>&1 &
	wait_for 20 goes_on 20
	ne-emu pause web
	before=$(progress)
	ne-emu ps | grep 'paused'
	[ "$(ne-emu ps --json | jq -c '.[] | [.State, .Paused]')" = '["RUNNING",true]' ]
	kill -9 "$(daemon_pid)"
	start_daemon
	# As long as a halt takes to be noticed, and more.
	end=$(($(now_ms) + 4000))
	while [ "$(now_ms)" -lt "$end" ]; do
		# One answer may have been on its way.
		[ "$(progress)" -le $((before + 1)) ]
		sleep 0.1
	done
	[ "$(ne-emu inspect web --json | jq .Paused)" = true ]
	ne-emu pause web			# again
	wait_for 10 ne-emu resume web
	wait_for 20 goes_on $((before + 20))
	[ "$(ne-emu ps --json | jq '.[].Paused')" = false ]
	touch "$tmp/stop"
	wait_for 10 grep 'lines came back' "$tmp/echo"
}

strangers() {
	refused 'belongs to' stranger ne-emu pause 40
	refused 'belongs to' stranger ne-emu resume 40
	refused 'belongs to' stranger ne-emu dump 40 -o /tmp/stranger.core
	[ ! -e /tmp/stranger.core ]
	echo_works 40
}

dump_of_a_running_enclave() {
	ne-emu dump web -o "$tmp/core" | tee "$tmp/said"
	grep "^$tmp/core: memory of enc[0-9a-f]*, 128 MiB, [0-9]* of them not zero" "$tmp/said"
	[ "$(stat -c %a "$tmp/core")" = 600 ]
	# Sparse: a part of the memory was never used.
	[ $(($(stat -c %b "$tmp/core") / 2048)) -lt 100 ]
	python3 "$here/lib/core.py" "$tmp/core" 128 2 | grep '^6\.12\.'
	echo_works 40
	refused 'exists' ne-emu dump web -o "$tmp/core"
}

gdb_reads_it() {
	gdb -q -batch -nx -ex 'printf "%s", linux_banner' -ex 'print init_task.comm' \
		-ex 'info threads' -ex lx-version "$vmlinux" "$tmp/core" > "$tmp/gdb" 2>&1 || :
	grep '^Linux version 6\.12' "$tmp/gdb" || { cat "$tmp/gdb"; return 1; }
	grep '"swapper' "$tmp/gdb"
	[ "$(grep -c 'LWP\|Thread' "$tmp/gdb")" -ge 2 ]
}

# A dump to a pipe that is read a little, then not any more.
stalled_dump() {
	rm -f "$tmp/pipe"
	mkfifo "$tmp/pipe"
	ne-emu dump web -o "$tmp/pipe" > "$tmp/dump" 2>&1 &
	dump=$!
	exec 7< "$tmp/pipe"
	head -c 8192 <&7 > /dev/null
}

stands() {
	[ -z "$(printf x | timeout 2 socat -t 1 - VSOCK-CONNECT:40:5005 2> /dev/null)" ]
}

client_is_killed() {
	remember
	stalled_dump
	stands
	kill -9 "$dump"
	echo_works 40
	exec 7<&-
	[ -z "$(find "$tmp" -maxdepth 1 -name 'pipe.*')" ]
	ne-emu dump web -o "$tmp/again"
	rm "$tmp/again"
	same_as_before
}

daemon_is_killed() {
	stalled_dump
	kill -9 "$(daemon_pid)"
	start_daemon
	cat <&7 > "$tmp/rest"
	exec 7<&-
	wait "$dump"
	# Written to a pipe, it is complete.
	[ $(($(stat -c %s "$tmp/rest") + 8192)) = "$(stat -c %s "$tmp/core")" ]
	rm "$tmp/rest"
	echo_works 40
}

vmm_is_killed() {
	stalled_dump
	kill -9 "$(vmm_pids)"
	cat <&7 > /dev/null
	exec 7<&-
	fails wait "$dump"
	cat "$tmp/dump"
	grep 'has ended' "$tmp/dump"
	# Its kernel has not crashed.
	[ ! -e "$tmp/none" ]
	clean_up
	wait_for 20 no_vmm
}

production() {
	start
	refused 'look-inside=always' ne-emu dump web -o "$tmp/production"
	[ ! -e "$tmp/production" ]
	ne-emu pause web
	ne-emu resume web
	echo_works 40
	ne-emu lab set web look-inside=always
	ne-emu dump web -o "$tmp/production"
	rm "$tmp/production"
	ne-emu stop web
	refused 'look-inside=always' ne-emu run --memory 128 --dump-on-crash "$tmp/none" "$image"
	refused 'exists' ne-emu run --memory 128 --debug --dump-on-crash "$tmp/core" "$image"
	[ ! -e "$tmp/none" ]
	wait_for 20 no_vmm
}

panic() {
	mkdir "$tmp/crash"
	status=0
	ne-emu run --memory 128 --cid 41 --debug --dump-on-crash "$tmp/crash" "$image" \
		> "$tmp/run" 2>&1 &
	run=$!
	wait_for 60 echo_once 41
	control 41 panic
	wait "$run" || status=$?
	cat "$tmp/run"
	[ "$status" = 125 ]
	grep 'guest-shutdown: kernel panic: ' "$tmp/run"
	grep 'core: memory of the enclave when it crashed' "$tmp/run"
	mv "$tmp"/crash/enc*.core "$tmp/panic"
	[ "$(stat -c %a "$tmp/panic")" = 600 ]
	python3 "$here/lib/core.py" "$tmp/panic" 128 2
}

# The kernel kills its init: the stack leads from there to the panic.
drgn_shows_the_panic() {
	cat > "$tmp/stack.py" <<-'END'
	from drgn.helpers.linux.pid import find_task
	task = find_task(prog, 1)
	print(task.comm.string_().decode())
	print(prog.stack_trace(task))
	END
	drgn -q -c "$tmp/panic" -s "$vmlinux" "$tmp/stack.py" > "$tmp/drgn" 2>&1 || :
	cat "$tmp/drgn"
	grep 'do_exit' "$tmp/drgn"
	grep 'panic' "$tmp/drgn"
}

check_each pause_under_traffic strangers dump_of_a_running_enclave gdb_reads_it client_is_killed \
	daemon_is_killed vmm_is_killed production panic drgn_shows_the_panic
finish
