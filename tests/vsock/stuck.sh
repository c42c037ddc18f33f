#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# A user outside the group keeps the locks of their sockets: of connections to an enclave's
# port and console, and of a listener. This affects nobody else, while the enclave runs and
# when it ends.

set -eu
# shellcheck source=lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"
image=${NE_SAMPLE_EIF:-/usr/share/ne-emu/sample.eif}

need_program socat setpriv
need_host 160
need_daemon
need_image
sysctl=/proc/sys/vm/unprivileged_userfaultfd
[ -w "$sysctl" ] || skip_all "this kernel has no userfaultfd"
cid=910 listen_port=7950
# Enough for emulated CPUs; a stuck operation would wait for ever.
at_once_ms=$((5000 * ${NE_SLOWNESS:-1}))

# stuck NAME CID|listen PORT - run it as user nobody until free_stuck; cases are subshells
stuck() {
	(
		exec 8>&- 9>&-
		exec setpriv --reuid 65534 --regid 65534 --clear-groups \
			"$bin/vsock_stuck" "$2" "$3"
	) > "$tmp/stuck.$1" 2>&1 &
	wait_for 10 grep -q stuck "$tmp/stuck.$1" || {
		cat "$tmp/stuck.$1"
		return 1
	}
}

no_stuck() {
	! pgrep -x vsock_stuck > /dev/null
}

free_stuck() {
	pkill -9 -x vsock_stuck
	wait_for 10 no_stuck
}

# at_once COMMAND... - the command succeeds in time
at_once() {
	at_once_start=$(now_ms)
	"$@"
	at_once_took=$(($(now_ms) - at_once_start))
	echo "$*: $at_once_took ms"
	[ "$at_once_took" -lt "$at_once_ms" ]
}

no_thread_waits() {
	for pid in $(vmm_pids) $(daemon_pid); do
		! grep -h '^State:.*D' "/proc/$pid/task/"*/status || return 1
	done
}

start_enclave() {
	run_image a -d -c "$cid"
	echo_works "$cid"
}

lives_on() {
	stuck connection "$cid" 5005
	stuck console 0 $((10000 + cid))
	stuck listener listen "$listen_port"
	at_once echo_once "$cid"
	# The guest still prints, and the log grows.
	log=$(find "$log_folder" -name console.log -printf '%T@ %p\n' | sort -n | sed -n '$s/.* //p')
	size=$(stat -c %s "$log")
	at_once control "$cid" "flood 10"
	wait_for 10 log_has_grown
	at_once echo_once "$cid"
	wait_for 5 no_thread_waits
}

log_has_grown() {
	[ "$(stat -c %s "$log")" -gt "$size" ]
}

ends() {
	at_once ne-emu stop --all
	wait_for 10 no_vmm
	wait_for 10 pool_is_free
	close_client a || :
}

starts_again() {
	start_enclave
	stuck again "$cid" 5005
	at_once kill -9 "$(vmm_pids)"
	wait_for 10 no_vmm
	close_client a || :
	start_enclave
	at_once close_client a || :
	wait_for 10 no_vmm
}

unloads() {
	free_stuck
	systemctl stop ne-emud.service
	wait_for 20 modprobe -r nitro_enclaves_emu ne_emu_vsock
	modprobe nitro_enclaves_emu
	start_daemon
}

saved_sysctl=$(cat "$sysctl")
echo 1 > "$sysctl"
start_enclave
check "connections, console and other programs go on" lives_on
check "the enclave ends" ends
check "its CID can be used, and the VMM can be killed" starts_again
check "the modules unload once the sockets are gone" unloads
echo "$saved_sysctl" > "$sysctl"
finish
