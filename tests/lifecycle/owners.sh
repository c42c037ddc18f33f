#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Settings, logs and records belong to the user who made them. Alice and Bob are members of
# group ne, Mallory is not. The table in Documentation/security.rst names these cases.
#
# Once, on another kernel: this tests userspace.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_host 160
need_daemon
need_image
need_program python3 socat useradd userdel setpriv unshare

leave() {
	status=$?
	for user in ne-alice ne-bob ne-mallory; do
		userdel "$user" 2> /dev/null || :
	done
	[ ! -e "$tmp/configured" ] || default_configuration || :
	(exit "$status") || :
	undo
}
trap leave EXIT

useradd -M -u 2001 -G ne ne-alice
useradd -M -u 2002 -G ne ne-bob
useradd -M -u 2003 ne-mallory

# as USER COMMAND...
as() {
	as_user=$1
	shift
	setpriv --reuid "$as_user" --regid "$(id -g "$as_user")" --init-groups "$@"
}

# Run the client as Alice.
client_program=$cycle
chmod 755 "$tmp"
cat > "$tmp/alice-cycle" <<END
#!/bin/sh
exec setpriv --reuid ne-alice --regid $(id -g ne-alice) --init-groups "$client_program" "\$@"
END
chmod 755 "$tmp/alice-cycle"
cycle=$tmp/alice-cycle

# ask USER JSON - send a request to ne-emud without ne-emu's checks
ask() {
	as "$1" python3 - "$2" <<-'PYTHON'
	import socket, sys
	s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
	s.connect("/run/ne-emu/ne-emud.sock")
	s.send(sys.argv[1].encode())
	print(s.recv(65536).decode())
	PYTHON
}

pcr=abababababababababababababababababababababababababababababababababababababababababababababababab

# Bob's settings do not apply to Alice's next enclave.
next_is_of_its_user() {
	as ne-bob ne-emu lab set pcr0="$pcr"
	as ne-bob ne-emu lab show | grep -q "^pcr0 *$pcr$"
	as ne-alice ne-emu lab show | grep -q '^pcr0 *measured$'
	ne-emu lab show | grep -q '^pcr0 *measured$'
	as ne-alice ne-emu lab set region=eu-west-1
}

starts_with_its_own() {
	as ne-alice ne-emu lab show "$cid" > "$tmp/settings"
	grep -q '^pcr0 *measured$' "$tmp/settings"
	grep -q '^region *eu-west-1$' "$tmp/settings"
	timeout 90 python3 "$here/lib/nsm_ask.py" -o "$tmp/document" "$cid" Attestation nonce=0x0102
	as ne-bob ne-emu lab show | grep -q "^pcr0 *$pcr$"
	fails ne-emu attest verify --pcr 0="$pcr" "$tmp/document"
	# Debug mode: PCR0 is zero.
	ne-emu attest verify --nonce 0102 --allow-debug "$tmp/document"
}

running_is_its_owners() {
	name="belongs to ne-alice (uid 2001); use sudo"
	refused "$name" as ne-bob ne-emu lab set "$cid" flaws=wrong-root
	refused "$name" as ne-bob ne-emu lab show "$cid"
	refused "$name" as ne-bob ne-emu lab reset "$cid"
	for command in lab-set lab-show lab-reset; do
		ask ne-bob "{\"command\":\"$command\",\"target\":\"$uid\",\"settings\":{}}" |
			tee "$tmp/answer"
		grep -q 'belongs to user 2001; use sudo' "$tmp/answer"
	done
	refused 'belongs to' as ne-bob ne-emu stop "$uid"
	as ne-alice ne-emu lab set "$cid" limits=strict
	ne-emu lab set "$cid" limits=ec2
	as ne-alice ne-emu lab reset "$cid"
}

root_sets_anybodys() {
	ne-emu lab set --user ne-bob map=definite
	as ne-bob ne-emu lab show | grep -q '^map *definite$'
	as ne-bob ne-emu lab show --user 2002 | grep -q '^map *definite$'
	refused 'is not yours; use sudo' as ne-bob ne-emu lab set --user ne-alice map=definite
	refused 'unknown user' ne-emu lab set --user ne-nobody map=definite
	refused '\-\-user is for the next enclave' ne-emu lab set --user ne-bob "$cid" map=definite
	ne-emu lab reset --user ne-bob
	as ne-bob ne-emu lab show | grep -q '^pcr0 *measured$'
}

# While the enclave runs and after it has ended.
logs_are_its_owners() {
	folder=$log_folder/2001/$uid
	name="enc$uid belongs to ne-alice (uid 2001); use sudo"
	as ne-alice ne-emu logs "$uid" | grep -q Linux
	as ne-alice cat "$folder/console.log" | grep -q Linux
	ne-emu logs "$uid" | grep -q Linux
	refused "$name" as ne-bob ne-emu logs "$uid"
	refused "Permission denied" as ne-bob cat "$folder/console.log"
	refused "Permission denied" as ne-bob ls "$log_folder/2001"
	refused "Permission denied" as ne-alice rm "$folder/console.log"
	refused "Permission denied" as ne-alice sh -c ": >> $folder/console.log"
	refused "join the group ne" as ne-mallory ne-emu logs "$uid"
	refused "Permission denied" as ne-mallory ls "$log_folder"
}

lists_are_of_owners() {
	as ne-alice ne-emu logs --list | grep -q "^enc$uid *2001 "
	ne-emu logs --list | grep -q "^enc$uid *2001 "
	as ne-bob ne-emu logs --list > "$tmp/list"
	fails grep '^enc' "$tmp/list"
	refused "holds no logs of yours" as ne-bob ne-emu logs
}

stranger_may_nothing() {
	refused "only root and members of group ne" as ne-mallory ne-emu lab show
	refused "Permission denied" as ne-mallory sh -c ': < /dev/nitro_enclaves'
	refused "Permission denied" as ne-mallory ls "/run/ne-emu/$uid"
	refused "Permission denied" as ne-bob ls "/run/ne-emu/$uid"
	refused "Permission denied" as ne-mallory ls /var/lib/ne-emu/ca
	refused "Permission denied" as ne-bob ls /var/lib/ne-emu/ca
	refused "Permission denied" as ne-bob sh -c ': < /dev/ne_emu_vsock'
	# All users may read the root certificate.
	as ne-mallory ne-emu attest root > /dev/null
}

# contained COMMAND... - as a user who is root in new namespaces
contained() {
	as ne-mallory unshare --user --map-root-user --net "$@"
}

container_may_nothing() {
	[ "$(contained id -u)" = 0 ]
	refused "only root and members of group ne" contained ne-emu lab show
	refused "Permission denied" contained sh -c ': < /dev/nitro_enclaves'
	refused "Permission denied" contained sh -c ': < /dev/ne_emu_vsock'
	refused "Permission denied" contained ls "$log_folder"
	refused "Permission denied" contained ls "/run/ne-emu/$uid"
	refused "Permission denied" contained ls /var/lib/ne-emu/ca
	fails contained ne-emu stop "$uid"
	echo_works "$cid"
	contained ne-emu attest root > /dev/null
}

# As on EC2: vsock does not distinguish users.
ports_are_open() {
	[ "$(echo hello | as ne-mallory timeout 20 socat -t 10 - "VSOCK-CONNECT:$cid:5005")" = hello ]
	[ "$(echo hello | contained timeout 20 socat -t 10 - "VSOCK-CONNECT:$cid:5005")" = hello ]
	as ne-mallory timeout 5 ne-emu console "$cid" > "$tmp/console" || :
	grep -q Linux "$tmp/console"
}

# put_folders OWNER FROM TO - make logs of ended enclaves, older than any real one
put_folders() {
	[ -d "$log_folder/$1" ] || mkdir -m 710 "$log_folder/$1"
	for i in $(seq "$2" "$3"); do
		mkdir -m 700 "$log_folder/$1/$(printf %016x "$i")"
		touch -d "2020-01-01 $((i / 60)):$((i % 60))" "$log_folder/$1/$(printf %016x "$i")"
	done
}

bob_has_64() {
	[ "$(find "$log_folder/2002" -mindepth 1 -maxdepth 1 | wc -l)" = 64 ]
}

# For any number of Bob's failed starts.
nobody_evicts_others() {
	put_folders 2001 1 3
	put_folders 2002 100 200
	run_image a -d
	close_client a
	wait_for 10 has_exit_record "$(value a uid)"
	wait_for 10 bob_has_64
	[ -d "$log_folder/2001/0000000000000001" ]
	[ ! -d "$log_folder/2002/$(printf %016x 136)" ]
	[ -d "$log_folder/2002/$(printf %016x 137)" ]
}

# A guest's output does not control the terminal of a user who reads its log.
terminal_is_safe() {
	printf 'red \033[31m\r\nbell \007\r\n\302\233c\tend\n' > "$log_folder/2001/$uid/console.log"
	ne-emu logs "$uid" 2> /dev/null | cmp - "$log_folder/2001/$uid/console.log"
	python3 - "$uid" > "$tmp/shown" <<-'PYTHON'
	import os, pty, sys
	pid, fd = pty.fork()
	if not pid:
	    os.execvp("ne-emu", ["ne-emu", "logs", sys.argv[1]])
	shown = b""
	while True:
	    try:
	        part = os.read(fd, 4096)
	    except OSError:
	        break
	    if not part:
	        break
	    shown += part
	sys.stdout.buffer.write(shown)
	PYTHON
	cat "$tmp/shown"
	grep -F 'red \x1b[31m' "$tmp/shown"
	grep -F 'bell \x07' "$tmp/shown"
	grep -F '\xc2\x9bc	end' "$tmp/shown"
	fails grep -q "$(printf '\033')" "$tmp/shown"
	fails grep -F '\x0d' "$tmp/shown"
}

restart_daemon() {
	systemctl reset-failed ne-emud.service
	systemctl restart ne-emud.service
}

default_configuration() {
	rm -f /etc/ne-emu/ne-emud.conf "$tmp/configured"
	restart_daemon
}

# The limit for live consoles, of which one user can have half.
consoles_have_a_limit() {
	: > "$tmp/configured"
	mkdir -p /etc/ne-emu
	printf '[logs]\nconsoles-max = 128M\n' > /etc/ne-emu/ne-emud.conf
	restart_daemon
	fallocate -l 80M "$log_folder/2001/$uid/console.log"
	run_image a -d
	first=$(value a uid)
	[ -e "$log_folder/2001/$first/console.log" ]
	[ ! -e "$log_folder/2001/$uid" ]
	run_image b -d
	second=$(value b uid)
	[ -d "$log_folder/2001/$second" ]
	[ ! -e "$log_folder/2001/$second/console.log" ]
	journalctl -q -u ne-emud.service -o cat | grep "$second: no console.log: consoles of live"
	close_client b
	close_client a
	default_configuration
}

check "settings of the next enclave are its user's" next_is_of_its_user
run_image a -d
cid=$(value a cid) uid=$(value a uid)
echo_works "$cid" > /dev/null
check "an enclave starts with its owner's settings" starts_with_its_own
check "a running enclave is its owner's and root's" running_is_its_owners
check "root sets any user's next enclave" root_sets_anybodys
check "logs while it runs" logs_are_its_owners
check "strangers" stranger_may_nothing
check "containers" container_may_nothing
check "ports and console" ports_are_open
close_client a
wait_for 10 has_exit_record "$uid"
check "logs when it has ended" logs_are_its_owners
check "lists of logs" lists_are_of_owners
check "nobody evicts another's records" nobody_evicts_others
check "a console's text on a terminal" terminal_is_safe
check "console logs have a limit" consoles_have_a_limit
finish
