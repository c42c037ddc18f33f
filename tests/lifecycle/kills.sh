#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# SIGKILL for client, VMM and supervisor, each while an enclave boots and while it runs. The
# death of the client ends the enclave, the death of the VMM raises POLLHUP, and the death
# of the supervisor does not affect enclaves.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_host 160
need_daemon
need_image

booting() {
	client a -m 128 -i "$image"
	wait_said 20 a cid
}

kill_client() {
	kill -9 "$(client_pid a)"
	wait "$(client_pid a)" || :
	# At once, regardless of the VMM:
	pool_is_free
	[ "$(free_pages)" = "$(sed -n 's/huge pages free: //p' "$tmp/before")" ]
	same_as_before
}

client_booting() {
	remember
	booting
	kill_client
}

client_running() {
	remember
	run_image a
	kill_client
	fails echo_once "$(value a cid)"
}

# The client, like nitro-cli, waits only for the heartbeat; the supervisor makes that wait
# fail.
vmm_booting() {
	remember
	booting
	kill -9 "$(vmm_pids)"
	wait_said 5 a "failed heartbeat"
	wait_said 5 a closed
	close_client a || :
	same_as_before
}

vmm_running() {
	remember
	run_image a
	kill -9 "$(vmm_pids)"
	wait_said 5 a hangup
	wait_said 5 a closed
	close_client a
	same_as_before
	[ "$(exit_record "$(value a uid)" reason)" = lost ]
}

kill_daemon() {
	old=$(daemon_pid)
	kill -9 "$old"
	wait_for 10 test ! -d "/proc/$old"
}

# Start it again, unless systemd has already done so.
daemon_again() {
	start_daemon
	systemctl -q is-active ne-emud.service
	[ "$(daemon_pid)" != "$old" ]
}

adopted() {
	journalctl -q -u ne-emud.service -o cat _PID="$(daemon_pid)" | grep "$1" | grep -q adopted
}

daemon_booting() {
	booting
	kill_daemon
	wait_said 90 a heartbeat
	daemon_again
	echo_works "$(value a cid)"
	close_client a
	wait_for 10 no_vmm
	pool_is_free
}

daemon_running() {
	run_image a
	kill_daemon
	echo_works "$(value a cid)"
	daemon_again
	echo_works "$(value a cid)"
	wait_for 10 adopted "$(value a uid)"
	# Another enclave can be started beside the old one.
	run_image b
	echo_works "$(value b cid)"
	close_client b
	echo_works "$(value a cid)"
	# The end of the adopted one is noticed.
	control "$(value a cid)" reboot
	wait_said 20 a hangup
	close_client a
	wait_for 10 has_exit_record "$(value a uid)"
	wait_for 10 no_vmm
	pool_is_free
}

# A start without a supervisor waits until systemd restarts it, or fails with ENODEV; then
# another try works.
daemon_gone_at_start() {
	kill_daemon
	client a -m 128 -i "$image"
	wait_for 20 said_or_over a cid
	close_client a || :
	said a cid || said a "failed start 19"
	daemon_again
	run_image b
	close_client b
}

# Nothing is left over that could disturb the next supervisor.
daemon_restart_after_client() {
	run_image a
	kill_daemon
	kill -9 "$(client_pid a)"
	wait "$(client_pid a)" || :
	pool_is_free
	wait_for 15 no_vmm
	daemon_again
	wait_for 10 run_folder_gone "$(value a uid)"
	run_image b
	close_client b
}

run_folder_gone() {
	[ ! -e "/run/ne-emu/$1" ]
}

# A VMM that hangs is not a child of the restarted supervisor, which kills it all the same.
hanging_vmm_of_earlier_supervisor() {
	run_image a
	vmm=$(vmm_pids)
	kill_daemon
	daemon_again
	wait_for 10 adopted "$(value a uid)"
	kill -STOP "$vmm"
	close_client a
	pool_is_free
	wait_for 20 no_vmm
	wait_for 10 run_folder_gone "$(value a uid)"
}

# The same if the enclave ended before there was another supervisor.
hanging_vmm_without_supervisor() {
	run_image a
	vmm=$(vmm_pids)
	kill_daemon
	kill -STOP "$vmm"
	close_client a
	daemon_again
	wait_for 20 no_vmm
	wait_for 10 run_folder_gone "$(value a uid)"
}

check "client killed while booting: all is free" client_booting
check "client killed while running: all is free" client_running
check "VMM killed while booting: the wait for the heartbeat ends" vmm_booting
check "VMM killed while running: hang-up at once, free on close" vmm_running
check "supervisor killed while booting: the enclave boots" daemon_booting
check "supervisor killed while running: adopted by the next" daemon_running
check "supervisor killed before a start" daemon_gone_at_start
check "client gone while there was no supervisor" daemon_restart_after_client
check "hanging VMM of an earlier supervisor is killed" hanging_vmm_of_earlier_supervisor
check "hanging VMM of an enclave that ended without one" hanging_vmm_without_supervisor
finish
