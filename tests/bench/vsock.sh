#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs: vm
# Peer: vhost-device-vsock
# Compares vsock throughput and round trips between the parent and an enclave with those
# of a QEMU microvm guest with vhost-vsock and of one with vhost-device-vsock. All use the
# same kernel and programs and take turns in the same boot of the host. The kernel's
# vsock_perf makes the traffic; for vhost-device-vsock it is linked with
# ../vsock/lib/unix.c.
#
# usage: vsock.sh [ROUNDS]
#
# vhost_vsock is loaded only for its own turns, because on older kernels it claims the
# enclaves' CIDs. The bench fails if a case of an enclave or of vhost-vsock has no result;
# for vhost-device-vsock, the table shows that. The ratios have no limit.

set -eu
# shellcheck source=../vsock/lib/guest.sh
. "$(dirname "$0")/../vsock/lib/guest.sh"

rounds=${1:-3}
qemu_cid=50
user_device=$bin/vhost-device-vsock
# The socket of vhost-device-vsock on the host.
NE_VSOCK_UNIX=$tmp/vm.vsock
export NE_VSOCK_UNIX
first_port=7100
# Time limit of one transfer, seconds.
limit=120

need_program socat qemu-system-x86_64 cpio
need_host 160
need_daemon
need_image
make_guest_files

# Lines of DIRECTION CONNECTIONS SIZE TOTAL-KIB; "in" is from the guest to the parent.
cases() {
	for connections in 1 4 16; do
		for size in "64 1024" "4K 16384" "64K 65536" "1M 65536"; do
			echo "in $connections $size"
			echo "out $connections $size"
		done
	done
}

# to_guest COMMAND... - like in_guest, for any kind of $guest
to_guest() {
	if [ "$program" = unix ]; then
		timeout "$limit" "$bin/unix_guest" "$guest" "$command_port" "$@"
	else
		in_guest "$guest" "$@"
	fi
}

# receive_here PORT KIB
receive_here() {
	NE_VSOCK_BYTES=$(($2 * 1024)) timeout "$limit" "$bin/${program}_perf" --port "$1"
}

receive_there() {
	to_guest /vsock_perf --port "$1"
}

# A receiver that does not listen yet refuses connections.
send_here() {
	wait_for 30 timeout "$limit" "$bin/${program}_perf" --sender "$guest" "$@" > /dev/null 2>&1
}

send_there() {
	wait_for 30 to_guest /vsock_perf --sender "$parent" "$@" > /dev/null 2>&1
}

# Gbit/s of all connections together, from the figures of each receiver.
total() {
	cat "$@" | awk '
		/^total bytes received/ { bytes += $NF; mine = $NF }
		/^rx performance/ { time = mine * 8 / 1e9 / $3; if (time > max) max = time }
		END { if (!max) exit 1; printf "%.4f\n", bytes * 8 / 1e9 / max }'
}

# throughput DIRECTION CONNECTIONS SIZE TOTAL-KIB - fails if data do not arrive
throughput() {
	[ "$1" = in ] && receiver=receive_here sender=send_there ||
		receiver=receive_there sender=send_here
	rm -f "$tmp"/received.*
	pids=
	sent=true
	for port in $(seq "$first_port" $((first_port + $2 - 1))); do
		"$receiver" "$port" "$(($4 / $2))" > "$tmp/received.$port" &
		"$sender" --port "$port" --buf-size "$3" --bytes "$(($4 / $2))K" &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || sent=false
	done
	$sent && wait_for 30 all_received "$2" && total "$tmp"/received.*
}

all_received() {
	[ "$(grep -l '^POLLIN wakeups' "$tmp"/received.* | wc -l)" = "$1" ]
}

round_trips() {
	timeout "$limit" "$bin/${program}_ping" "$guest" "$echo_port" 64 1000
}

# measure PEER - run all cases with the guest $guest and print lines "CASE PEER VALUE". Each
# case uses new ports, because after a failure the guest may still listen.
measure() {
	cases | while read -r direction connections size kib; do
		value=$(throughput "$direction" "$connections" "$size" "$kib") || value=fails
		echo "$direction,$connections,$size $1 $value"
		first_port=$((first_port + connections))
	done
	round_trips > "$tmp/ping" || printf '%s fails\n' median p99 > "$tmp/ping"
	awk -v peer="$1" '{ print "round-trip-" $1, peer, $2 }' "$tmp/ping"
}

with_enclave() {
	run_image a -m 256
	guest=$(value a cid) parent=3 program=vsock
	wait_for 20 agent_answers "$guest"
	measure enclave
	close_client a
}

# An invalid CPU list is refused, and empties the pool.
empty_pool() {
	{ echo > "$pool_file"; } 2> /dev/null || :
	[ -z "$(tr -d '\n' < "$pool_file")" ]
}

# The host gets all CPUs while there is no enclave.
with_qemu() {
	wait_for 10 empty_pool
	modprobe vhost_vsock
	qemu_guest "$qemu_cid"
	guest=$qemu_cid parent=2 program=vsock
	qemu_guest_answers "$guest"
	measure vhost
	end_qemu_guest
	wait_for 20 modprobe -r vhost_vsock 2> /dev/null
	pool_is_free
}

# A request before the guest's driver runs is never answered.
user_guest_answers() {
	timeout 5 "$bin/unix_guest" "$guest" "$command_port" /vsock_perf --help 2> /dev/null |
		grep -q benchmark
}

# The size limits the guest's packets. With the default of 64 KiB, the device drops packets
# above 32 KiB, which Linux splits into several descriptors, and the sender waits for ever.
with_user_device() {
	wait_for 10 empty_pool
	options=guest-cid=$qemu_cid,uds-path=$NE_VSOCK_UNIX,tx-buffer-size=32768
	"$user_device" --vm "$options,socket=$tmp/vhost.socket" > "$tmp/user_device" 2>&1 &
	user_device_pid=$!
	wait_for 10 test -S "$tmp/vhost.socket"
	qemu_machine -M microvm,acpi=off,memory-backend=memory \
		-object memory-backend-memfd,id=memory,size=256M,share=on \
		-chardev "socket,id=vhost,path=$tmp/vhost.socket" \
		-device vhost-user-vsock-device,chardev=vhost
	guest=$qemu_cid parent=2 program=unix
	wait_for 60 user_guest_answers
	measure user-device
	end_qemu_guest
	kill "$user_device_pid" 2> /dev/null || :
	wait "$user_device_pid" || :
	rm -f "$tmp"/vm.vsock* "$tmp/vhost.socket"
	pool_is_free
}

peers="enclave vhost user-device"
[ -x "$user_device" ] || {
	peers="enclave vhost"
	note "vhost-device-vsock is missing and not compared"
}
for round in $(seq "$rounds"); do
	note "round $round of $rounds"
	with_enclave
	with_qemu
	case $peers in *user-device) with_user_device ;; esac
done | tee "$tmp/results"

# shellcheck disable=SC2086 # a list
python3 - "$tmp/results" "$rounds" $peers <<'PYTHON'
import statistics, sys
values = {}
for line in open(sys.argv[1]):
    if not line.startswith("#"):
        case, peer, value = line.split()
        values.setdefault(case, {}).setdefault(peer, []).append(value)
rounds, peers = int(sys.argv[2]), sys.argv[3:]
if len(values) != 26 or any(len(of.get(peer, [])) != rounds
                            for of in values.values() for peer in peers):
    sys.exit("not all cases were measured")
names = {"vhost": "vhost-vsock", "user-device": "vhost-device-vsock"}


def numbers(case, peer):
    return [float(value) for value in values[case][peer] if value != "fails"]


def cell(case, peer):
    good = numbers(case, peer)
    if len(good) < rounds:
        return f"fails {rounds - len(good)} of {rounds} times"
    return f"{statistics.median(good):9.3f} ({min(good):.3f}-{max(good):.3f})"


def ratio(case, peer):
    ours, theirs = numbers(case, "enclave"), numbers(case, peer)
    full = len(ours) == len(theirs) == rounds
    return statistics.median(ours) / statistics.median(theirs) if full else None


print(f"{'direction,connections,size':28} {'enclave':>26}",
      *(f"{names[peer]:>26}  ratio" for peer in peers[1:]))
for case in values:
    print(f"{case:28} {cell(case, 'enclave'):>26}",
          *(f"{cell(case, peer):>26}  {ratio(case, peer) or float('nan'):5.2f}"
            for peer in peers[1:]))
print("Gbit/s, more is better; round trips of 64 bytes in microseconds, less is better")
for peer in peers[1:]:
    ratios = [ratio(case, peer) for case in values if not case.startswith("round-trip")]
    good = [r for r in ratios if r]
    if good:
        print(f"throughput: {statistics.geometric_mean(good):.2f} times that of {names[peer]} "
              f"(geometric mean of {len(good)} cases)")
sys.exit(any(len(numbers(case, peer)) < rounds
             for case in values for peer in peers if peer != "user-device"))
PYTHON
