#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# The exit status of the program in an enclave reaches the user who started the enclave.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3
need_host 160
need_daemon
need_image

mkdir -p "$tmp/root/bin"
cp /bin/busybox "$tmp/root/bin/"
ln -s busybox "$tmp/root/bin/sh"
# Not for the user of the image: the build cannot know.
printf '#!/bin/sh\n' > "$tmp/root/bin/private"
chmod 700 "$tmp/root/bin/private"
user=0
init=

# build NAME WORD... - an image that runs these words
build() {
	build_name=$1
	shift
	for build_word; do
		shift
		set -- "$@" --exec "$build_word"
	done
	ne-emu eif build --rootfs "$tmp/root" --user "$user" ${init:+--init "$init"} "$@" -o "$tmp/$build_name.eif" \
		> "$tmp/build" 2>&1 || {
		cat "$tmp/build"
		return 1
	}
}

# script NAME LINE - an image whose program is this line of a shell
script() {
	build "$1" /bin/sh -c "$2"
}

# ends CODE NAME OPTION... - run the image; ne-emu exits with CODE
ends() {
	expected=$1 name=$2
	shift 2
	status=0
	timeout 240 ne-emu run --memory 256 "$@" "$tmp/$name.eif" > "$tmp/out" 2> "$tmp/err" ||
		status=$?
	echo "$name $*: exit status $status"
	cat "$tmp/err"
	[ "$status" = "$expected" ]
}

# ends_so CODE NAME TEXT - in production and debug mode; ne-emu says the text
ends_so() {
	remember
	ends "$1" "$2"
	grep -q " ended: $3\$" "$tmp/err"
	ends "$1" "$2" --debug
	grep -q " ended: $3\$" "$tmp/err"
	same_as_before
}

status_0() {
	script zero 'exit 0'
	ends_so 0 zero 'the program exited with status 0'
}

status_7() {
	script seven 'echo last words; exit 7'
	ends_so 7 seven 'the program exited with status 7'
}

not_found() {
	# With an init of the user, which might create the program, the build only warns.
	init=/usr/libexec/ne-emu/guest/init
	build missing /no/such
	ends_so 127 missing 'the program exited with status 127'
	grep 'init: cannot run /no/such: No such file' "$tmp/err"
}

not_executable() {
	user=1000
	build private /bin/private
	ends_so 126 private 'the program exited with status 126'
	grep 'init: cannot run /bin/private: Permission denied' "$tmp/err"
}

# shellcheck disable=SC2016 # $$ is for the shell in the enclave
killed() {
	script kill 'kill -KILL $$'
	ends_so 137 kill 'the program was killed by signal 9 (KILL)'
	script segv 'kill -SEGV $$'
	ends_so 139 segv 'the program was killed by signal 11 (SEGV)'
}

early_death_shows_the_console() {
	ends 7 seven --debug
	grep '^  last words$' "$tmp/err"
	[ "$(grep -c '^  ' "$tmp/err")" -le 10 ]
	ends 7 seven
	fails grep 'last words' "$tmp/err"
	grep -e '--debug --console' "$tmp/err"
	# The console was shown already.
	ends 7 seven --debug --console
	grep -a 'last words' "$tmp/out"
	fails grep 'last words' "$tmp/err"
	# A program that succeeds says nothing more.
	ends 0 zero --debug
	fails grep '^  ' "$tmp/err"
}

# json EXPRESSION - of d, the list of objects in $tmp/out
json() {
	python3 - "$tmp/out" "$1" <<-'PYTHON'
	import json, sys
	text, d = open(sys.argv[1]).read(), []
	while text.strip():
	    value, end = json.JSONDecoder().raw_decode(text.strip())
	    d, text = d + [value], text.strip()[end:]
	print(eval(sys.argv[2]))
	PYTHON
}

in_json() {
	ends 7 seven --json
	[ "$(json 'len(d)')" = 2 ]
	[ "$(json 'd[0]["State"], d[1]["State"]')" = "('RUNNING', 'TERMINATED')" ]
	[ "$(json 'd[0]["EnclaveID"] == d[1]["EnclaveID"]')" = True ]
	[ "$(json 'd[1]["ExitCode"], d[1]["ExitSignal"]')" = "(7, None)" ]
	[ "$(json 'd[1]["ExitReason"]')" = guest-reset ]
	ends 137 kill --json
	[ "$(json 'd[1]["ExitCode"], d[1]["ExitSignal"]')" = "(None, 9)" ]
}

# The slot uid of the enclave in $tmp/out.
slot_uid() {
	json 'd[0]["EnclaveID"][3:]'
}

detached() {
	remember
	ends 0 seven --detach --json
	uid=$(slot_uid)
	wait_for 30 has_exit_record "$uid"
	[ "$(exit_record "$uid" program)" = "{'exit_code': 7}" ]
	ne-emu logs "$uid" > "$tmp/logs" 2>&1
	cat "$tmp/logs"
	grep ' guest-reset: the program exited with status 7$' "$tmp/logs"
	ne-emu logs --list | grep "$uid .* the program exited with status 7\$"
	ne-emu logs --json > "$tmp/out"
	[ "$(json "[e['ExitCode'] for e in d[0] if e['EnclaveID'] == 'enc$uid']")" = '[7]' ]
	journalctl -q -u ne-emud.service -o cat | grep "$uid.*the program exited with status 7"
	same_as_before
}

has_ended() {
	ne-emu ps --json > "$tmp/out"
	[ "$(json 'd[0][0]["State"]')" = STOPPED ]
}

# The owner of an enclave that has ended still holds it.
in_ps() {
	remember
	run_image a
	kill -STOP "$(client_pid a)"
	control "$(value a cid)" 'exit 3'
	wait_for 60 has_ended
	[ "$(json 'd[0][0]["ExitCode"], d[0][0]["ExitSignal"]')" = "(3, None)" ]
	ne-emu ps --no-trunc | grep ' guest-reset: the program exited with status 3$'
	# How the programs of others end is not for everybody.
	setpriv --reuid 65534 --regid 65534 --clear-groups ne-emu ps --json > "$tmp/out"
	[ "$(json 'd[0][0]["ExitReason"], d[0][0]["ExitCode"]')" = "('guest-reset', None)" ]
	kill -CONT "$(client_pid a)"
	close_client a
	same_as_before
}

# The payload reboots by itself.
init_that_does_not_report() {
	timeout 120 ne-emu run --memory 128 --cid 34 "$image" > "$tmp/out" 2> "$tmp/err" &
	runner=$!
	wait_for 60 grep -a -q booted "$tmp/out"
	control 34 reboot
	status=0
	wait "$runner" || status=$?
	cat "$tmp/err"
	[ "$status" = 0 ]
	grep 'did not report a status' "$tmp/err"
}

# panics OPTION... - the init of the image "panic" dies 2 s after the boot. Prints the time in
# ms from the panic on the console, or from the boot, to the end of ne-emu, and its exit status.
panics() {
	python3 - "$tmp/console" ne-emu run --memory 256 "$@" "$tmp/panic.eif" 2> "$tmp/err" <<-'PYTHON'
	import subprocess, sys, time
	start = time.monotonic()
	run = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE)
	console = open(sys.argv[1], "wb")
	for line in run.stdout:
	    console.write(b"%d " % ((time.monotonic() - start) * 1000) + line)
	    if b"Kernel panic - not syncing" in line or b"booted in" in line:
	        start = time.monotonic()
	code = run.wait()
	print(round((time.monotonic() - start) * 1000), code)
	PYTHON
}

# within MS TIME CODE
within() {
	echo "$2 ms, exit status $3"
	tail -n 30 "$tmp/console"
	cat "$tmp/err"
	[ "$3" = 125 ] && [ "$2" -lt $(($1 * ${NE_SLOWNESS:-1})) ]
}

# The kernel resets 30 s later.
panic_is_reported_at_once() {
	remember
	script panic 'busybox sleep 2; kill -USR1 1; busybox sleep 60'
	ne-emu eif describe "$tmp/panic.eif" | grep 'panic=30'
	panics --debug --console > "$tmp/time"
	# shellcheck disable=SC2046 # two words
	within 3000 $(cat "$tmp/time")
	grep 'guest-shutdown: kernel panic: Attempted to kill init! exitcode=0x00000100' "$tmp/err"
	same_as_before
}

panic_of_a_production_enclave() {
	panics > "$tmp/time"
	# shellcheck disable=SC2046 # two words
	within 5000 $(cat "$tmp/time")
	grep 'guest-shutdown: kernel panic (only a debug enclave shows its text)' "$tmp/err"
}

# The guest lives on: idle, busy, and while its kernel prints much.
text_of_a_panic() {
	cat > "$tmp/root/bin/fake" <<-'SCRIPT'
	#!/bin/sh
	echo "Kernel panic - not syncing: not really"
	echo "Kernel panic - not syncing: nor this" > /dev/kmsg
	busybox sleep 4
	echo "Kernel panic - not syncing: busy"
	for i in 1 2; do while :; do :; done & done
	busybox sleep 4
	echo "Kernel panic - not syncing: printing"
	for i in $(busybox seq 300); do echo "some line that takes a while" > /dev/kmsg; done
	busybox sleep 2
	echo survived
	exit 7
	SCRIPT
	chmod +x "$tmp/root/bin/fake"
	build fake /bin/fake
	ends 7 fake --debug --console
	grep -a -c 'Kernel panic - not syncing: ' "$tmp/out"
	grep -a survived "$tmp/out"
	ends 7 fake
}

check "status 0" status_0
check "status 7" status_7
check "program not found: 127" not_found
check "program that cannot be executed: 126" not_executable
check "program killed by a signal: 128 and its number" killed
check_each early_death_shows_the_console in_json
check "detached: logs and record" detached
check "ended, but still held: ps" in_ps
check_each init_that_does_not_report panic_is_reported_at_once panic_of_a_production_enclave \
	text_of_a_panic
finish
