#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# shellcheck disable=SC2016 # much is for the shell in the enclave
# "ne-emu exec" and "ne-emu cp": commands and files in a debug enclave, and who may not.
#
# Once: the agent runs in the enclave, whose kernel is the same.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3 setpriv
need_host 300
need_daemon

stranger="setpriv --reuid 65534 --regid 65534 --clear-groups"

clean_up() {
	ne-emu stop --all > /dev/null 2>&1 || :
}
trap 'clean_up; undo' EXIT

# build NAME OPTION... - an image with busybox whose program runs until /stop exists
mkdir -p "$tmp/root/bin" "$tmp/root/etc" "$tmp/root/home"
cp /bin/busybox "$tmp/root/bin/"
for applet in sh cat id env pwd sleep ls stat md5sum dd kill free stty touch test tty true ps; do
	ln -s busybox "$tmp/root/bin/$applet"
done
printf 'root:x:0:0::/root:/bin/sh\nworker:x:1000:1001::/home:/bin/sh\n' > "$tmp/root/etc/passwd"
printf 'root:x:0:\nworkers:x:1001:\nextra:x:1002:worker\n' > "$tmp/root/etc/group"
build() {
	build_name=$1
	shift
	ne-emu eif build --rootfs "$tmp/root" --env COLOUR=green --workdir /home "$@" \
		--exec /bin/sh --exec -c --exec 'until [ -e /tmp/stop ]; do sleep 0.2; done; exit 5' \
		-o "$tmp/$build_name.eif"
}

# status CODE COMMAND... - it exits with this code; its output is in $tmp/out and $tmp/err
status() {
	wanted=$1 code=0
	shift
	timeout 120 "$@" > "$tmp/out" 2> "$tmp/err" < /dev/null || code=$?
	cat "$tmp/err"
	echo "$*: exit status $code"
	[ "$code" = "$wanted" ]
}

exit_codes() {
	status 0 ne-emu exec true
	status 7 ne-emu exec web sh -c 'exit 7'
	status 127 ne-emu exec web /no/such
	grep 'cannot run /no/such: No such file' "$tmp/err"
	status 126 ne-emu exec web /etc/passwd
	status 137 ne-emu exec web sh -c 'kill -9 $$'
	status 2 ne-emu exec web
	status 2 ne-emu exec
	status 125 ne-emu exec -l --workdir /no/such true || [ "$code" = 126 ]
}

# As the image's program: user, directory, environment; and changed.
as_the_program() {
	status 0 ne-emu exec 50 sh -c 'id -u; id -g; pwd; echo $COLOUR $EXTRA; cat < /dev/stdin'
	[ "$(cat "$tmp/out")" = "$(printf '1000\n1001\n/home\ngreen')" ]
	status 0 ne-emu exec --user root -w /tmp -e COLOUR=red -e EXTRA=1 50 \
		sh -c 'id -u; pwd; echo $COLOUR $EXTRA $HOME'
	[ "$(cat "$tmp/out")" = "$(printf '0\n/tmp\nred 1 /root')" ]
	status 0 ne-emu exec --user worker 50 id
	cat "$tmp/out"
	grep 'uid=1000(worker) gid=1001(workers) .*1002(extra)' "$tmp/out"
	status 0 ne-emu exec --user 7:8 50 id
	grep 'uid=7 gid=8' "$tmp/out"
	status 126 ne-emu exec --user nobody 50 id
	grep 'no such user' "$tmp/err"
}

# Both directions at once, more than all buffers, and two streams that do not mix.
streams() {
	dd if=/dev/urandom of="$tmp/data" bs=1M count=4 2> /dev/null
	timeout 60 ne-emu exec -i cat < "$tmp/data" > "$tmp/back"
	cmp "$tmp/data" "$tmp/back"
	status 0 ne-emu exec sh -c 'echo out; echo err >&2'
	[ "$(cat "$tmp/out") $(cat "$tmp/err")" = "out err" ]
	# Its end is seen, and a command that does not read does not stop us.
	[ "$(printf 'a\nb' | timeout 60 ne-emu exec -i sh -c 'cat; echo -n c')" = "$(printf 'a\nbc')" ]
	timeout 60 ne-emu exec -i true < /dev/zero
	# Without -i there is none.
	[ -z "$(echo text | timeout 60 ne-emu exec cat)" ]
}

# What stays in the background is not waited for.
background() {
	start=$(now_ms)
	status 0 ne-emu exec sh -c 'sleep 300 & echo "done"'
	grep 'done' "$tmp/out"
	[ $(($(now_ms) - start)) -lt $((60000 * ${NE_SLOWNESS:-1})) ]
	ne-emu exec --user root sh -c 'kill $(busybox pidof sleep)' || :
}

running() {
	ne-emu exec --user root sh -c "ps | grep -v grep | grep -q '$1'"
}

not_running() {
	! running "$1"
}

killed_client() {
	ne-emu exec sleep 4321 &
	client=$!
	wait_for 20 running 'sleep 4321'
	kill -9 "$client"
	wait_for 20 not_running 'sleep 4321'
	# A signal goes to the command.
	ne-emu exec sh -c 'trap "exit 9" TERM; while :; do sleep 0.1; done' &
	client=$!
	wait_for 20 running 'exit 9'
	kill -TERM "$client"
	code=0
	wait "$client" || code=$?
	[ "$code" = 9 ]
	# A reader that goes away ends the command, too.
	ne-emu exec sh -c 'while echo y; do :; done' | head -n 1
}

# A shell on a terminal: size, Ctrl-C, restored mode, exit status.
terminal() {
	timeout 120 python3 - <<-'PYTHON'
	import fcntl, os, pty, select, signal, struct, sys, termios, time
	master, slave = pty.openpty()
	fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 33, 77, 0, 0))
	before = termios.tcgetattr(slave)
	pid = os.fork()
	if not pid:
	    os.setsid()
	    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
	    for fd in range(3):
	        os.dup2(slave, fd)
	    os.execvp("ne-emu", ["ne-emu", "exec", "-it", "-e", "PS1=> ", "web", "sh"])
	seen = b""
	def expect(text):
	    global seen
	    end = time.monotonic() + 40
	    while text not in seen:
	        ready = select.select([master], [], [], 1)[0]
	        if ready:
	            seen += os.read(master, 4096)
	        if time.monotonic() > end:
	            sys.exit(f"{text} not in {seen}")
	    seen = seen[seen.index(text) + len(text):]
	def send(text):
	    os.write(master, text)
	expect(b"> ")
	send(b"stty size; tty\r")
	expect(b"33 77")
	expect(b"/dev/pts/0")
	send(b"sleep 5555\r")
	expect(b"sleep 5555")
	time.sleep(0.5)
	send(b"\x03")
	expect(b"> ")
	fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 44, 88, 0, 0))
	os.kill(pid, signal.SIGWINCH)
	for i in range(20):
	    send(b"stty size\r")
	    expect(b"> ")
	    time.sleep(0.1)
	    if b"44 88" in seen:
	        break
	send(b"echo $TERM; exit 6\r")
	code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
	assert code == 6, code
	assert termios.tcgetattr(slave) == before
	PYTHON
	# Without a terminal here, there is one in the enclave.
	status 0 ne-emu exec -t tty
	grep '/dev/pts/' "$tmp/out"
}

not_in_production() {
	ne-emu run --memory 256 --cid 51 --detach "$tmp/web.eif"
	status 125 ne-emu exec 51 true
	grep 'is a production enclave, in which no agent runs; start it with --debug' "$tmp/err"
	status 1 ne-emu cp "$tmp/data" 51:/tmp
	# Nothing listens: not even with the key.
	python3 - 51 <<-'PYTHON'
	import socket, sys
	s = socket.socket(socket.AF_VSOCK)
	s.settimeout(10)
	try:
	    s.connect((int(sys.argv[1]), 0x6e650001))
	    sys.exit("connected")
	except ConnectionResetError:
	    pass
	PYTHON
	ne-emu stop 51
}

as_nitro_cli() {
	ne-emu eif build --rootfs "$tmp/root" --like nitro-cli --exec /bin/sleep --exec 600 \
		-o "$tmp/plain.eif"
	ne-emu run --memory 256 --cid 51 --debug --detach "$tmp/plain.eif"
	status 125 ne-emu exec 51 true
	grep 'built with --like nitro-cli' "$tmp/err"
	ne-emu stop 51
}

# A user who does not own the enclave, in the group and not.
strangers() {
	gid=$(getent group ne | cut -d : -f 3)
	# shellcheck disable=SC2086 # words
	status 125 $stranger ne-emu exec 50 id
	grep 'only root and members of group ne' "$tmp/err"
	status 125 setpriv --reuid 65534 --regid "$gid" --clear-groups ne-emu exec 50 id
	grep 'belongs to user 0' "$tmp/err"
	status 1 setpriv --reuid 65534 --regid "$gid" --clear-groups ne-emu cp 50:/etc/passwd -
	# Guessed and malformed keys, and another protocol.
	$stranger python3 - <<-'PYTHON'
	import os, socket
	def ask(data):
	    with socket.socket(socket.AF_VSOCK) as s:
	        s.settimeout(30)
	        s.connect((50, 0x6e650001))
	        s.sendall(data)
	        try:
	            return s.recv(1000)
	        except ConnectionResetError:
	            return b""
	for key in (bytes(32), os.urandom(32)):
	    answer = ask(b"NEEMUAG1" + key)
	    assert answer[:4] == bytes([21, 0, 0, 0]) and b"not the key" in answer, answer
	assert ask(b"GET / HTTP/1.0\r\n\r\n" + bytes(32)) == b""
	PYTHON
}

# Those who connect and say nothing do not keep the owner out, and are closed in the end.
stalled_strangers() {
	$stranger python3 - > "$tmp/stalled" <<-'PYTHON' &
	import socket, time
	socks = []
	for i in range(60):
	    s = socket.socket(socket.AF_VSOCK)
	    s.settimeout(5)
	    try:
	        s.connect((50, 0x6e650001))
	        s.sendall(b"NEE")
	        socks.append(s)
	    except OSError as e:
	        print(e)
	print("stalled", len(socks), flush=True)
	time.sleep(3)
	for s in socks:
	    s.settimeout(30)
	    try:
	        while s.recv(10):
	            pass
	    except ConnectionResetError:
	        pass
	print("all closed", flush=True)
	PYTHON
	stalled=$!
	wait_for 30 grep stalled "$tmp/stalled"
	start=$(now_ms)
	status 0 ne-emu exec true
	[ $(($(now_ms) - start)) -lt $((10000 * ${NE_SLOWNESS:-1})) ]
	wait "$stalled"
	cat "$tmp/stalled"
	grep 'all closed' "$tmp/stalled"
}

# tree DIRECTORY - names, types, modes and contents
tree() {
	(cd "$1" && find . -printf '%p %y %m %l\n' | sort && find . -type f -exec md5sum {} + | sort)
}

copies() {
	mkdir -p "$tmp/up/sub/empty" && cp "$tmp/data" "$tmp/up/sub/data" && : > "$tmp/up/nothing"
	echo script > "$tmp/up/script" && chmod 751 "$tmp/up/script" && chmod 700 "$tmp/up/sub"
	ln -s sub/data "$tmp/up/link" && truncate -s 3M "$tmp/up/hole" && chmod 640 "$tmp/up/hole"
	ne-emu cp "$tmp/up" :/tmp
	tree "$tmp/up" > "$tmp/before"
	ne-emu cp web:/tmp/up "$tmp/down"
	tree "$tmp/down" > "$tmp/after"
	diff "$tmp/before" "$tmp/after"
	# Modes and contents as the enclave sees them.
	[ "$(ne-emu exec -u 0 stat -c %a:%u /tmp/up/script)" = 751:0 ]
	[ "$(ne-emu exec -u 0 md5sum /tmp/up/sub/data | cut -d ' ' -f 1)" = \
		"$(md5sum < "$tmp/data" | cut -d ' ' -f 1)" ]
	# Names of the copies, and files that are there already.
	ne-emu cp "$tmp/up/script" :/tmp/renamed
	ne-emu cp "$tmp/data" :/tmp/renamed
	mkdir "$tmp/into"
	ne-emu cp :/tmp/renamed "$tmp/into"
	cmp "$tmp/data" "$tmp/into/renamed"
	# As archives.
	tar -C "$tmp/up" -cf - . | ne-emu cp - :/run
	ne-emu cp :/run/sub - | tar -C "$tmp/into" -xf -
	cmp "$tmp/data" "$tmp/into/sub/data"
	# Of unknown size.
	ne-emu cp :/proc/version "$tmp/into/version"
	grep Linux "$tmp/into/version"
	ls -la "$tmp/into"
	[ -z "$(find "$tmp/into" "$tmp/down" -name '.*' -type f)" ]
}

copies_that_fail() {
	for words in "$tmp/data :/no/such/file" ":/no/such $tmp/x" "$tmp/no-such :/tmp" \
		"$tmp/data :/dev/null" ":/etc/passwd /dev/null" ":/etc/passwd $tmp/no/such/" \
		"$tmp/data :/tmp/missing/"; do
		# shellcheck disable=SC2086 # words
		status 1 ne-emu cp $words
		[ -s "$tmp/err" ]
	done
	[ -c /dev/null ]
	status 2 ne-emu cp a b
	status 2 ne-emu cp :a :b
	code=0
	ne-emu cp :/tmp/renamed - > /dev/full 2> "$tmp/err" || code=$?
	cat "$tmp/err"
	[ "$code" = 1 ]
}

free_memory() {
	ne-emu exec -u 0 sh -c 'busybox awk "/MemAvailable/ { print \$2 }" /proc/meminfo'
}

# The agent keeps nothing of its clients, and the init none of their processes.
many_commands() {
	before=$(free_memory)
	i=0
	while [ "$i" -lt 100 ]; do
		ne-emu exec true
		i=$((i + 1))
	done
	after=$(free_memory)
	echo "available: $before KiB, then $after KiB"
	[ $((before - after)) -lt 4096 ]
	# This one and its shell, the agent, its process for this client, init, program, sleep.
	count=$(ne-emu exec -u 0 sh -c 'ls -d /proc/[0-9]*/exe | while read f; do
		busybox readlink $f > /dev/null && echo $f; done | busybox wc -l')
	echo "processes: $count"
	[ "$count" -le 11 ]
}

after_a_restart_of_the_daemon() {
	systemctl restart ne-emud.service
	wait_for 20 ne-emu exec true
}

# The end of a command is not that of the program, whose status still counts.
end_of_the_program() {
	ne-emu exec touch /tmp/stop
	wait_for 30 not_listed
	ne-emu logs "$(cat "$tmp/id")" 2>&1 | grep 'the program exited with status 5'
}

not_listed() {
	! ne-emu ps | grep -q "$(cat "$tmp/id")"
}

build web --user worker > "$tmp/build" 2>&1 || lacking "$(cat "$tmp/build")"
ne-emu run --memory 256 --cid 50 --name web --debug --detach "$tmp/web.eif" > "$tmp/run" 2>&1 ||
	lacking "$(cat "$tmp/run")"
sed -n 's/^\(enc[0-9a-f]*\) booted.*/\1/p' "$tmp/run" > "$tmp/id"
check_each exit_codes as_the_program streams background killed_client terminal not_in_production \
	as_nitro_cli strangers stalled_strangers copies copies_that_fail many_commands \
	after_a_restart_of_the_daemon end_of_the_program
finish
