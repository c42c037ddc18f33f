#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# QEMU as a client: -accel nitro -M nitro. Its trace events show what it did.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

qemu=${QEMU:-qemu-system-x86_64}
memory=128

need_program "$qemu" python3 socat
"$qemu" -accel help | grep -qx nitro || lacking "$qemu has no nitro accelerator"
need_host 144
need_daemon
need_image

# start_qemu NAME ACCEL_OPTIONS [ARGUMENT]... - in the background; its console is in
# $tmp/NAME.out, its messages and traces in $tmp/NAME.err, QMP at $tmp/NAME.qmp
start_qemu() {
	name=$1 options=$2
	shift 2
	"$qemu" -accel "nitro$options" -M nitro -smp 2 -m "$memory"M \
		-trace 'nitro_*' -qmp "unix:$tmp/$name.qmp,server=on,wait=off" "$@" \
		< /dev/null > "$tmp/$name.out" 2> "$tmp/$name.err" &
	eval "qemu_$name=$!"
}

qemu_pid() {
	eval "echo \"\$qemu_$1\""
}

qemu_over() {
	[ ! -d "/proc/$(qemu_pid "$1")" ]
}

traced() {
	grep -q "$2" "$tmp/$1.err"
}

traced_or_over() {
	traced "$@" || qemu_over "$1"
}

# The heartbeat of the enclave has been answered.
booted() {
	wait_for 90 traced_or_over "$1" nitro_heartbeat_done
	traced "$1" nitro_heartbeat_done && return 0
	cat "$tmp/$1.err" "$tmp/$1.out"
	return 1
}

quit_qemu() {
	kill "$(qemu_pid "$1")"
	wait "$(qemu_pid "$1")"
}

# Get the CID through QMP.
qemu_cid() {
	python3 - "$tmp/$1.qmp" <<-'PYTHON'
	import json, socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.connect(sys.argv[1])
	f = s.makefile("rw")
	f.readline()
	def call(**command):
	    f.write(json.dumps(command) + "\n")
	    f.flush()
	    while True:
	        answer = json.loads(f.readline())
	        if "return" in answer:
	            return answer["return"]
	        if "error" in answer:
	            sys.exit(answer["error"]["desc"])
	call(execute="qmp_capabilities")
	print(call(execute="qom-get", arguments={
	    "path": "/machine/peripheral/nitro-vsock", "property": "enclave-cid"}))
	PYTHON
}

console_has() {
	grep -a -q "$2" "$tmp/$1.out"
}

eif_debug() {
	remember
	start_qemu a ,debug-mode=on -nographic -kernel "$image"
	booted a
	cid=$(qemu_cid a)
	[ "$cid" -ge 4 ]
	traced a "nitro_enclave_started.*$cid"
	echo_works "$cid"
	wait_for 10 console_has a 'Linux version'
	wait_for 10 console_has a 'payload: '
	quit_qemu a
	same_as_before
}

eif_production() {
	remember
	start_qemu a '' -display none -serial none -monitor none -kernel "$image"
	booted a
	echo_works "$(qemu_cid a)"
	quit_qemu a
	same_as_before
}

# QEMU makes the image from a kernel and a ramdisk.
direct_boot() {
	for part in kernel ramdisk cmdline; do
		python3 "$here/../lifecycle/lib/eif_edit.py" extract "$image" "$part" "$tmp/$part"
	done
	remember
	start_qemu a ,debug-mode=on -nographic -kernel "$tmp/kernel" \
		-initrd "$tmp/ramdisk" -append "$(cat "$tmp/cmdline")"
	booted a
	echo_works "$(qemu_cid a)"
	quit_qemu a
	same_as_before
}

chosen_cid() {
	remember
	start_qemu a ,enclave-cid=20 -display none -serial none -monitor none -kernel "$image"
	booted a
	[ "$(qemu_cid a)" = 20 ]
	echo_works 20
	quit_qemu a
	same_as_before
}

# Other enclaves have no console: refused at once, not after a timeout.
no_console() {
	remember
	begin=$(now_ms)
	start_qemu a '' -display none -serial none -monitor none -kernel "$image" \
		-chardev "file,id=c,path=$tmp/console" -device nitro-serial-vsock,chardev=c
	status=0
	wait "$(qemu_pid a)" || status=$?
	took=$(($(now_ms) - begin))
	cat "$tmp/a.err"
	echo "exit status $status after $took ms"
	[ "$status" = 1 ]
	grep -q "Failed to connect to '0:" "$tmp/a.err"
	fails grep -q 'timed out' "$tmp/a.err"
	same_as_before
}

one_after_the_other() {
	eif_production
	eif_production
}

# The heartbeat port is free again after the first enclave has booted.
side_by_side() {
	remember
	start_qemu a '' -display none -serial none -monitor none -kernel "$image"
	booted a
	start_qemu b '' -display none -serial none -monitor none -kernel "$image"
	booted b
	[ "$(qemu_cid a)" != "$(qemu_cid b)" ]
	echo_works "$(qemu_cid a)"
	echo_works "$(qemu_cid b)"
	quit_qemu b
	echo_works "$(qemu_cid a)"
	quit_qemu a
	same_as_before
}

killed() {
	remember
	start_qemu a '' -display none -serial none -monitor none -kernel "$image"
	booted a
	kill -9 "$(qemu_pid a)"
	wait "$(qemu_pid a)" || :
	pool_is_free
	same_as_before
}

# Runs before QEMU, after the check of resources, which sets the pool.
prepare=:

# refused TEXT ACCEL_OPTIONS ARGUMENT... - QEMU exits with 1 and prints the text
refused() {
	text=$1 options=$2
	shift 2
	remember
	"$prepare"
	status=0
	timeout 60 "$qemu" -accel "nitro$options" -M nitro -display none -serial none \
		-monitor none -kernel "$image" "$@" < /dev/null > "$tmp/said" 2>&1 || status=$?
	cat "$tmp/said"
	[ "$status" = 1 ]
	grep -q "$text" "$tmp/said"
	same_as_before
}

clear_pool() {
	echo > "$pool_file" 2> /dev/null || :
}

empty_pool() {
	prepare=clear_pool
	refused 'NE_CREATE_VM failed: Unknown error 272' '' -smp 2 -m "$memory"M
}

no_huge_pages() {
	refused 'Cannot allocate memory' '' -smp 2 -m 4G
}

small_pages() {
	refused 'NE_SET_USER_MEMORY_REGION failed.*Unknown error 26[13]' '' -smp 2 -m "$memory"M \
		-object "memory-backend-memfd,id=m,size=${memory}M" -machine memory-backend=m
}

check "X04 image, debug mode: console and heartbeat" eif_debug
check "X04 image, production mode" eif_production
check "X04 kernel and ramdisk" direct_boot
check "X04 chosen CID" chosen_cid
check "console of an enclave that has none: refused at once" no_console
check "one after the other" one_after_the_other
check "side by side" side_by_side
check "killed: all is free" killed
check "half a core: message" refused 'full CPU cores' '' -smp 1 -m "$memory"M
check "below 64 MiB: message" refused 'below the minimum' '' -smp 2 -m 32M
check "CID 1: message" refused 'invalid enclave CID' ,enclave-cid=1 -smp 2 -m "$memory"M
check "too many CPUs: message" refused 'NE_ADD_VCPU failed: Unknown error 272' '' \
	-smp 5 -m "$memory"M
check "empty pool: message" empty_pool
check "no huge pages: message" no_huge_pages
check "small pages: message" small_pages
finish
