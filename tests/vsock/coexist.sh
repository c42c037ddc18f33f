#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Enclaves beside other users of vsock: loopback, QEMU guests with vhost-vsock loaded before
# and after us, another guest-to-host transport, network namespaces.

set -eu
# shellcheck source=lib/guest.sh
. "$(dirname "$0")/lib/guest.sh"

need_program socat python3 qemu-system-x86_64 cpio
need_host 192
need_daemon
need_image
make_guest_files
free_port=7900

# answers CID PORT [to-host] WANTED - a connect ends with this result
answers() {
	wanted=$(shift $(($# - 1)) && echo "$1")
	got=$(python3 "$here/lib/ask.py" "$@")
	[ "$got" = "$wanted" ] || {
		echo "connect to CID $1 port $2: $got instead of $wanted"
		return 1
	}
}

# On these kernels, connections to enclaves do not go to vhost-vsock.
has_fallback() {
	[ -e /proc/sys/net/vsock/g2h_fallback ]
}

# from_guest CID TO_CID PORT - print the result of a connect in the guest
from_guest() {
	in_guest "$1" /vsock_perf --sender "$2" --port "$3" --bytes 64K || :
}

# As on EC2, through both CIDs.
enclave_reaches_parent() {
	for to in 3 2; do
		timeout 30 "$bin/vsock_perf" --port "$free_port" > "$tmp/receiver" 8>&- &
		receiver=$!
		wait_for 5 listening "$free_port"
		from_guest "$cid" "$to" "$free_port"
		wait "$receiver"
		grep -q 'total bytes received: 65536$' "$tmp/receiver"
	done
}

console_works() {
	timeout 5 socat -u "VSOCK-CONNECT:0:$((10000 + cid))" - > "$tmp/console" || :
	grep -q 'Linux version' "$tmp/console"
}

# parent_reaches_enclave WANTED
parent_reaches_enclave() {
	answers "$cid" "$echo_port" "$1"
	answers "$cid" "$echo_port" to-host connected
}

doctor_says() {
	ne-emu doctor > "$tmp/doctor" 2>&1 || :
	grep -q "$1" "$tmp/doctor" || {
		cat "$tmp/doctor"
		return 1
	}
}

# Start client a with an enclave; sets $cid.
enclave() {
	run_image a -m 192 -d
	cid=$(value a cid)
	if has_fallback || [ ! -d /sys/module/vhost_vsock ]; then
		wait_for 20 agent_answers "$cid"
	else
		wait_for 20 answers "$cid" "$echo_port" to-host connected
	fi
}

# Sockets that have just closed hold the transport for up to 8 s.
unload() {
	wait_for 20 modprobe -r "$@" 2> /dev/null
}

# talks LISTEN_CID CONNECT_CID - two programs on the host talk to each other
talks() {
	got=$(python3 "$here/lib/talk.py" "$@")
	[ "$got" = talked ] || {
		echo "from CID $2 to a listener on CID $1: $got"
		return 1
	}
}

# As after boot: the first socket loads the transports that have an alias.
without_vsock() {
	for module in ne_emu_vsock vsock_loopback vsock_diag vsockmon vmw_vsock_vmci_transport \
		hv_sock vmw_vsock_virtio_transport_common vsock; do
		[ ! -d "/sys/module/$module" ] || unload "$module" || {
			ls "/sys/module/$module/holders"
			return 1
		}
	done
}

host_talks_without_us() {
	without_vsock
	talks "$any_cid" 1
	talks 1 1
	talks "$any_cid" 2
}

# talks_after COMMAND... - the same, with a listener that was started before the command
talks_after() {
	rm -f "$tmp/go"
	mkfifo "$tmp/go"
	python3 "$here/lib/talk.py" 1 1 wait < "$tmp/go" > "$tmp/talk" &
	talk=$!
	exec 7> "$tmp/go"
	wait_for 10 grep -q listening "$tmp/talk"
	"$@"
	echo >&7
	exec 7>&-
	wait "$talk"
	cat "$tmp/talk"
	grep -q talked "$tmp/talk"
}

host_talks_beside_us() {
	without_vsock
	modprobe ne_emu_vsock
	talks "$any_cid" 1
	talks 1 1
	talks "$any_cid" 3
	talks 3 3
	# As with any other guest-to-host transport.
	answers 2 "$free_port" ECONNRESET
	fails talks "$any_cid" 2
	talks_after unload ne_emu_vsock
	talks_after modprobe ne_emu_vsock
}

only_the_parent() {
	run_image b -m 128 -d
	other=$(value b cid)
	wait_for 20 agent_answers "$other"
	# It reaches its own console and that of the other enclave.
	for to in "0 $free_port" "0 $((10000 + cid))" "0 $((10000 + other))" "1 $free_port" \
		"2 $free_port" "$other $echo_port" "$((cid + 100)) $free_port" \
		"$any_cid $free_port"; do
		# shellcheck disable=SC2086 # two words
		from_guest "$cid" $to > "$tmp/said"
		grep -q 'connect: Connection reset by peer' "$tmp/said" || {
			cat "$tmp/said"
			return 1
		}
	done
	from_guest "$cid" 3 "$free_port" | grep -q 'connect: Connection reset by peer'
	answers "$cid" "$free_port" ECONNRESET
	answers $((cid + 100)) "$free_port" ECONNRESET
	close_client b
}

# A listener of the system, like that of an sshd that systemd starts automatically.
listener_is_named() {
	ne-emu doctor > "$tmp/doctor" || :
	fails grep vsock-ports "$tmp/doctor"
	socat "VSOCK-LISTEN:22" - 8>&- < /dev/null &
	listener=$!
	wait_for 5 listening 22
	doctor_says 'vsock-ports .* vsock port 22, which every enclave can reach'
	from_guest "$cid" 3 22 > /dev/null
	wait "$listener"
	ne-emu doctor > "$tmp/doctor" || :
	fails grep vsock-ports "$tmp/doctor"
}

sockets_are_shown() {
	socat -u "VSOCK-CONNECT:$cid:$echo_port" - 8>&- &
	connected=$!
	wait_for 5 shown "ESTAB.*:[0-9]* *$cid:$echo_port"
	kill "$connected"
}

shown() {
	ss --vsock > "$tmp/ss"
	grep -q "$1" "$tmp/ss"
}

beside_loopback() {
	modprobe vsock_loopback
	for to in 1 3; do
		answers "$to" "$free_port" ECONNRESET
		timeout 20 "$bin/vsock_perf" --port "$free_port" > "$tmp/receiver" 8>&- &
		receiver=$!
		wait_for 5 listening "$free_port"
		"$bin/vsock_perf" --sender "$to" --port "$free_port" --bytes 64K
		wait "$receiver"
	done
	parent_reaches_enclave connected
	enclave_reaches_parent
	console_works
	unload vsock_loopback
}

# What holds with vhost-vsock loaded, whichever module came first.
both_work() {
	qemu_guest 50
	qemu_guest_answers 50
	answers 50 "$free_port" ECONNRESET
	if has_fallback; then
		parent_reaches_enclave connected
		answers 51 "$free_port" ECONNRESET
		doctor_says 'vhost_vsock is loaded, which does not matter on this kernel'
		enclave_reaches_parent
	else
		# The heartbeat has shown that an enclave reaches the parent; to make it
		# connect once more would need a connection to it.
		parent_reaches_enclave ENODEV
		doctor_says 'it claims connections to enclaves'
	fi
	console_works
	# A QEMU guest and an enclave cannot reach each other.
	from_guest 50 "$cid" "$echo_port" | grep -q '^connect: '
	in_guest 50 /vsock_perf --help | grep -q benchmark
	end_qemu_guest
}

vhost_after() {
	modprobe vhost_vsock
	both_work
	unload vhost_vsock
}

vhost_before() {
	unload ne_emu_vsock
	modprobe vhost_vsock
	modprobe ne_emu_vsock
	enclave
	both_work
	close_client a
	unload vhost_vsock
}

slot_taken() {
	unload ne_emu_vsock
	modprobe vmw_vsock_virtio_transport
	log_mark
	fails modprobe ne_emu_vsock
	log_since | grep 'ne_emu_vsock: another guest-to-host vsock transport is loaded'
	[ -w /dev/nitro_enclaves ]
	doctor_says 'vmw_vsock_virtio_transport'
	status=0
	ne-emu run "$image" > "$tmp/run" 2>&1 || status=$?
	cat "$tmp/run"
	[ "$status" != 0 ]
	grep -q vsock "$tmp/run"
	# Fix it as doctor recommends.
	unload vmw_vsock_virtio_transport
	modprobe ne_emu_vsock
	enclave
	close_client a
}

namespaces() {
	[ -e /proc/sys/net/vsock/child_ns_mode ] || skip "this kernel has no namespaces of vsock"
	unshare -n python3 "$here/lib/ask.py" "$cid" "$echo_port" | grep -x connected
	# The mode applies to namespaces that this one creates from now on.
	unshare -n sh -c 'echo local > /proc/sys/net/vsock/child_ns_mode
		unshare -n python3 "$@"' - "$here/lib/ask.py" "$cid" "$echo_port" |
		grep -x ENETUNREACH
	answers "$cid" "$echo_port" connected
}

check "programs of the host with each other, without us" host_talks_without_us
check "programs of the host with each other, beside us" host_talks_beside_us
# One enclave for all cases that need not reload our modules.
modprobe ne_emu_vsock
enclave
check "an enclave reaches the parent and nothing else" only_the_parent
check "ss shows connections" sockets_are_shown
check "doctor names what listens for the system" listener_is_named
check "beside vsock_loopback" beside_loopback
check "network namespaces" namespaces
check "vhost_vsock loaded after us" vhost_after
close_client a
check "vhost_vsock loaded before us" vhost_before
check "another guest-to-host transport is registered" slot_taken
# Later tests need our modules, also after a failure.
for module in vhost_vsock vmw_vsock_virtio_transport; do
	unload "$module" || :
done
modprobe ne_emu_vsock
finish
