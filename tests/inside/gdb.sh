#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2317,SC2329 # names of gdb; functions are called by check
# Sessions of gdb with real enclaves: from the first instruction of the kernel to programs, by
# its owner only, and without a trace once it has gone.
#
# Once: on the host, only KVM has a part in it.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_host 160
need_daemon
need_image
need_program ne-emu gdb python3 setpriv socat

vmlinux=/usr/lib/debug/usr/share/ne-emu/vmlinux
init=/usr/libexec/ne-emu/guest/init

# The enclave that a failed case leaves must not harm the next one.
clean_up() {
	ne-emu stop --all > /dev/null 2>&1 || :
}
trap 'clean_up; undo' EXIT

# start NAME [OPTION]... - in the background; with --gdb, it stands before its first instruction
start() {
	start_name=$1
	shift
	ne-emu run --memory 128 --name "$start_name" --detach "$@" "$image"
}

# debug COMMAND... - commands of gdb, without symbols, which take long to read
debug() {
	debug_words=
	for debug_command; do
		debug_words="$debug_words -ex '$debug_command'"
	done
	eval "timeout 60 gdb -nx -q -batch \
		-ex 'target remote | ne-emu gdb --stdio \"$name\"' $debug_words" 2>&1 |
		tee "$tmp/gdb"
}

# shows PATTERN... - the last session has printed all of them
shows() {
	for pattern; do
		grep -q -E -e "$pattern" "$tmp/gdb" || {
			echo "gdb did not print \"$pattern\""
			return 1
		}
	done
}

# The address of a function of the kernel, found with its symbols once.
address_of() {
	sed -n "s/^$1 = //p" "$tmp/symbols"
}

name=one

### One enclave, from its start ###

# The state in which the boot protocol wants the kernel: long mode, at its 64-bit entry.
first_instruction() {
	start $name --debug --gdb > "$tmp/run"
	cat "$tmp/run"
	grep -q 'stands before its first instruction; "ne-emu gdb enc' "$tmp/run"
	debug 'info registers rip rsi cr0 cr4 efer' 'info threads' 'x/2i $pc' 'stepi' \
		'info registers rip' 'print $cr3' 'maintenance packet Qqemu.PhyMemMode:1' \
		'x/4bx 0x7202'
	shows 'rip +0x1000200 ' 'rsi +0x7000 ' 'cr0 .*\[ PG .*PE' 'cr4 .*\[ PAE \]' \
		'efer .*\[ LMA LME \]' '^\* 1 +Thread 1 \(vCPU 0\)' '^  2 +Thread 2 \(vCPU 1\)' \
		'^=> 0x1000200:' '0x7202:.0x48.0x64.0x72.0x53'
	# It stepped one instruction, and has detached: the kernel runs.
	[ "$(sed -n 's/^rip *\(0x[0-9a-f]*\).*/\1/p' "$tmp/gdb" | sort -u | wc -l)" = 2 ]
	echo_works "$(cid)"
}

cid() {
	ne-emu ps --format '{cid}'
}

# With the kernel's symbols, which belong to it: no file is named.
symbols() {
	[ -e "$vmlinux" ] || skip "there is no $vmlinux"
	clean_up
	start $name --debug --gdb
	timeout 100 ne-emu gdb --batch -e 'hbreak start_kernel' -e continue -e backtrace \
		-e 'print linux_banner' -e 'next' -e 'info symbol $pc' -e 'delete' \
		-e 'watch system_state' -e continue -e 'backtrace 3' -e 'delete' \
		-e 'hbreak kernel_init' -e 'continue' -e 'lx-dmesg' -e 'lx-version' -e 'delete' \
		-e 'thread apply all backtrace 1' \
		-e 'printf "schedule = %p\n", schedule' -e 'printf "panic = %p\n", panic' \
		-e 'printf "jiffies = %p\n", &jiffies_64' > "$tmp/gdb" 2>&1
	cat "$tmp/gdb"
	shows 'Breakpoint 1, start_kernel \(\)' '^#0 +start_kernel' 'Linux version' \
		'^start_kernel \+ |start_kernel in section' 'Hardware watchpoint 2: system_state' \
		'New value = SYSTEM_SCHEDULING' '^#1 .* in rest_init|^#0 .*rest_init' \
		'Breakpoint 3, kernel_init' '^\[ +0\.000000\] Linux version' \
		'Thread 2 \(Thread 2 \(vCPU 1\)\)'
	grep ' = 0x' "$tmp/gdb" > "$tmp/symbols"
	echo_works "$(cid)"
}

# /init, by the entry that its ELF header names; on whichever vCPU it runs.
program() {
	clean_up
	entry=$(gdb -nx -batch -ex 'info files' "$init" | sed -n 's/.*Entry point: //p')
	start $name --debug --gdb
	debug "hbreak *$entry" 'continue' 'info registers rip cs' 'stepi' 'x/i $pc' 'monitor vsock'
	shows "Breakpoint 1, $(printf '0x%016x' "$entry") in" 'cs +0x33 ' 'driver: +ready' \
		'heartbeat: not sent yet'
	echo_works "$(cid)"
}

### An enclave that runs ###

monitor() {
	debug 'monitor help' 'monitor info' 'monitor nsm' 'monitor vsock' 'monitor pcrs' \
		'monitor xp 0x7202 4' 'monitor what'
	shows '^xp ADDRESS' "^enclave: +$(ne-emu ps --format '{id}'), CID $(cid), debug" \
		'^vCPUs: +2$' '^memory: +128 MiB' '^module id: i-.*-enc' '^identity: +issued' \
		'^driver: +ready' '^heartbeat: sent' '^ 0\* 0{96}$' '^31  0{96}$' \
		'^0000000000007202: ([0-9a-f]{2} ?){4}$' '^unknown; "monitor help"'
}

all_registers() {
	debug 'thread apply all info registers rip rsp cr3 gs_base' 'print $st0' 'print $mxcsr' \
		'set var $r15 = $r15' 'print $xmm0.uint128'
	[ "$(grep -c '^cr3 ' "$tmp/gdb")" = 2 ]
	shows '= \[ IM DM ZM OM UM PM \]'
}

# Each time the guest goes on.
attach_again() {
	for round in 1 2; do
		debug 'stepi' 'stepi' 'detach'
		shows 'Inferior 1 .* detached'
		echo "round $round"
		echo_works "$(cid)"
	done
}

# in_gdb COMMAND... - a session in the background, whose commands come from $tmp/commands
in_gdb() {
	rm -f "$tmp/commands" "$tmp/gdb"
	mkfifo "$tmp/commands"
	gdb -nx -q -ex "target remote | ne-emu gdb --stdio $name" < "$tmp/commands" \
		> "$tmp/gdb" 2>&1 &
	gdb_pid=$!
	trap end_gdb EXIT
	exec 7> "$tmp/commands"
	wait_for 30 quietly shows '^0x[0-9a-f]+ in'
}

quietly() {
	"$@" > /dev/null 2>&1
}

# A failed case leaves its gdb, which would keep the next one out.
end_gdb() {
	[ -z "${gdb_pid-}" ] || kill -9 "$gdb_pid" 2> /dev/null || :
}

tell() {
	printf '%s\n' "$@" >&7
}

interrupt() {
	in_gdb
	tell continue
	wait_for 10 grep -q Continuing "$tmp/gdb"
	echo_works "$(cid)"
	kill -INT "$gdb_pid"
	wait_for 20 quietly shows 'received signal SIGINT'
	fails sh -c "printf x | timeout 3 socat -t 2 - VSOCK-CONNECT:$(cid):5005 | grep x"
	# Another one is refused meanwhile.
	mkfifo "$tmp/idle"
	timeout 20 ne-emu gdb --stdio $name 0<> "$tmp/idle" > "$tmp/second" 2>&1 || :
	cat "$tmp/second"
	grep 'a debugger is attached to the enclave already' "$tmp/second"
	tell 'info threads' quit
	exec 7>&-
	wait "$gdb_pid" || :
	shows 'Thread 2 \(vCPU 1\)'
	echo_works "$(cid)"
}

# While the guest stands, with breakpoints everywhere, and while it runs into them.
killed() {
	for state in stands runs; do
		in_gdb
		tell "hbreak *$(address_of schedule)" 'watch *(long *)0xffffffff81000000'
		[ $state = stands ] || tell 'continue'
		wait_for 10 quietly shows 'Hardware watchpoint 2'
		kill -9 "$gdb_pid"
		exec 7>&-
		wait "$gdb_pid" || :
		echo "$state"
		echo_works "$(cid)"
	done
}

# ne-emud is not part of the connection once that is made.
supervisor_dies() {
	in_gdb
	systemctl kill --kill-whom=main -s KILL ne-emud.service
	tell stepi 'monitor info' quit
	wait_for 20 quietly shows '^vCPUs:'
	exec 7>&-
	wait "$gdb_pid" || :
	start_daemon
	wait_for 20 echo_works "$(cid)"
}

kill_enclave() {
	id=$(ne-emu ps --format '{id}')
	debug 'kill'
	ne-emu wait "$id" 2> "$tmp/end" || :
	cat "$tmp/end"
	grep 'a debugger has ended the enclave' "$tmp/end"
}

### Rights ###

strangers() {
	start $name --debug
	fails setpriv --reuid nobody --regid nogroup --clear-groups \
		ne-emu gdb --stdio $name < /dev/null > "$tmp/refusal" 2>&1
	cat "$tmp/refusal"
	echo_works "$(cid)"
	clean_up
}

production() {
	start $name
	fails ne-emu gdb --stdio $name < /dev/null > "$tmp/refusal" 2>&1
	cat "$tmp/refusal"
	grep 'look-inside=always' "$tmp/refusal"
	ne-emu lab set $name look-inside=always
	debug 'monitor info'
	shows ', production$'
	echo_works "$(cid)"
	clean_up
	fails ne-emu run --gdb "$image" 2> "$tmp/refusal"
	grep -e '--gdb requires --debug' "$tmp/refusal"
}

# The wish for one enclave does not hold another one.
only_this_one() {
	python3 - <<-'PYTHON'
	import socket
	s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	s.connect("/run/ne-emu/ne-emud.sock")
	s.send(b'{"command":"hold","target":"00000000deadbeef","for":"gdb"}')
	answer = s.recv(65536)
	assert b'"ok":true' in answer, answer
	PYTHON
	start $name --debug
	echo_works "$(cid)"
}

check_each first_instruction symbols program monitor all_registers attach_again interrupt killed \
	supervisor_dies kill_enclave strangers production only_this_one
clean_up
finish
