#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# "ne-emu run" and "ne-emu console" in pipes, and "ne-emu run" as a service of systemd.
#
# Once: nothing here depends on the kernel.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3 systemd-run
need_host 160
need_daemon
need_image

unit=ne-emu-test-$$
run="ne-emu run --memory 128 --debug"

# The enclave that a failed case leaves must not harm the next one.
clean_up() {
	systemctl stop "$unit" 2> /dev/null || :
	systemctl reset-failed "$unit" 2> /dev/null || :
	ne-emu stop --all > /dev/null 2>&1 || :
}
trap 'clean_up; undo' EXIT

# pipe READER COMMAND... - prints the exit status of the command, and the time in ms that it
# lived on after its reader was gone; -1: killed by a signal
pipe() {
	python3 - "$@" <<-'PYTHON'
	import subprocess, sys, time
	command = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, stderr=2)
	for i in range(int(sys.argv[1])):
	    command.stdout.readline()
	command.stdout.close()
	start = time.monotonic()
	try:
	    code = command.wait(60)
	except subprocess.TimeoutExpired:
	    code = "hangs"
	    command.terminate()
	    command.wait()
	print(code, int((time.monotonic() - start) * 1000))
	PYTHON
}

# The payload prints nothing after the boot.
run_in_a_pipe() {
	remember
	# shellcheck disable=SC2086 # words
	result=$(pipe 20 $run --console "$image" 2> "$tmp/err")
	cat "$tmp/err"
	echo "status and ms: $result"
	[ "${result% *}" = 141 ]
	[ "${result#* }" -lt $((10000 * ${NE_SLOWNESS:-1})) ]
	grep 'terminated: nobody reads its console' "$tmp/err"
	same_as_before
}

run_into_a_full_device() {
	status=0
	# shellcheck disable=SC2086 # words
	timeout 120 $run --console "$image" > /dev/full 2> "$tmp/err" || status=$?
	cat "$tmp/err"
	[ "$status" = 125 ]
	grep 'cannot write the console: No space left on device' "$tmp/err"
}

console_in_a_pipe() {
	# shellcheck disable=SC2086 # words
	$run --cid 40 --detach "$image"
	result=$(pipe 2 ne-emu console 40)
	echo "status and ms: $result"
	[ "${result% *}" = -13 ]
	[ "${result#* }" -lt $((10000 * ${NE_SLOWNESS:-1})) ]
	status=0
	ne-emu console 40 > /dev/full 2> "$tmp/err" || status=$?
	[ "$status" = 1 ]
	grep 'cannot write the console: No space left' "$tmp/err"
	ne-emu ps --format '{cid} {state}' | grep -x '40 RUNNING'
	ne-emu stop 40
}

property() {
	systemctl show -p "$1" --value "$unit"
}

# service PROPERTY... - start the enclave as a service; systemd-run waits for the start
service() {
	clean_up
	for property; do
		shift
		set -- "$@" "--property=$property"
	done
	# shellcheck disable=SC2086 # words
	systemd-run -q --unit "$unit" "$@" $words "$image" || {
		journalctl -q -u "$unit" -o cat
		return 1
	}
}

# The start is over when the enclave has booted; longer than systemd waits otherwise.
notify() {
	words="$run --cid 41"
	remember
	service Type=notify TimeoutStartSec=2
	property ActiveState | grep -x active
	property StatusText | grep 'enc[0-9a-f]* runs, CID 41'
	echo_works 41
	systemctl stop "$unit"
	property Result | grep -x success
	same_as_before
}

# A start that fails says why.
notify_fails() {
	words="$run --cid 41 --timeout 20"
	head -c 1000 /dev/zero > "$tmp/bad.eif"
	good=$image image=$tmp/bad.eif
	fails service Type=notify
	image=$good
	clean_up
}

oneshot() {
	words="$run --cid 42 --detach"
	service Type=oneshot RemainAfterExit=yes
	echo_works 42
	journalctl -q -u "$unit" -o cat | grep 'RemainAfterExit=yes'
	systemctl stop "$unit"
	property Result | grep -x success
	wait_for 20 gone 42
}

gone() {
	! ne-emu ps | grep -q " $1 .*RUNNING"
}

forking() {
	words="$run --cid 45 --detach"
	service Type=forking
	echo_works 45
	property ActiveState | grep -x active
	systemctl stop "$unit"
	wait_for 20 gone 45
}

# Without it the enclave is gone, and the unit says why.
oneshot_without() {
	words="$run --cid 43 --detach"
	service Type=oneshot
	wait_for 20 gone 43
	journalctl -q -u "$unit" -o cat | grep 'RemainAfterExit=yes'
}

# Outside of a service there is no note.
detached() {
	# shellcheck disable=SC2086 # words
	$run --cid 44 --detach "$image" 2> "$tmp/err"
	fails grep systemd "$tmp/err"
	ne-emu stop 44
}

check_each run_in_a_pipe run_into_a_full_device console_in_a_pipe notify notify_fails oneshot \
	oneshot_without forking detached
finish
