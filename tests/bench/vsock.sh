#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs: vm
# Throughput and round trips of vsock between the parent and an enclave, beside a
# guest of QEMU's microvm with vhost-vsock: the same kernel and programs, the same
# boot of the host, in turns. The traffic is vsock_perf's, of the kernel.
#
# usage: vsock.sh [ROUNDS]
#
# vhost_vsock is loaded in its turns only: on older kernels it takes the enclaves' CIDs
# away. Fails when a case is missing; what the ratios are is for the reader to judge.

set -eu
# shellcheck source=../vsock/lib.sh
. "$(dirname "$0")/../vsock/lib.sh"

rounds=${1:-3}
qemu_cid=50
first_port=7100

need_program socat qemu-system-x86_64 cpio
need_host 160
need_daemon
need_image
make_guest_files

# "in" is from the guest to the parent. DIRECTION CONNECTIONS SIZE KIB-OF-ALL
cases() {
	for connections in 1 4 16; do
		for size in "64 1024" "4K 16384" "64K 65536" "1M 65536"; do
			echo "in $connections $size"
			echo "out $connections $size"
		done
	done
}

receive_here() {
	timeout 300 "$bin/vsock_perf" --port "$1"
}

receive_there() {
	in_guest "$guest" /vsock_perf --port "$1"
}

# A receiver that does not listen yet refuses.
send_here() {
	wait_for 30 timeout 300 "$bin/vsock_perf" --sender "$guest" "$@" > /dev/null 2>&1
}

send_there() {
	wait_for 30 in_guest "$guest" /vsock_perf --sender "$parent" "$@" > /dev/null 2>&1
}

# Gbit/s of all connections together, from what each receiver says of itself.
total() {
	cat "$@" | awk '
		/^total bytes received/ { bytes += $NF; mine = $NF }
		/^rx performance/ { time = mine * 8 / 1e9 / $3; if (time > max) max = time }
		END { if (!max) exit 1; printf "%.4f\n", bytes * 8 / 1e9 / max }'
}

# throughput DIRECTION CONNECTIONS SIZE KIB-OF-ALL
throughput() {
	[ "$1" = in ] && receiver=receive_here sender=send_there ||
		receiver=receive_there sender=send_here
	rm -f "$tmp"/received.*
	pids=
	for port in $(seq "$first_port" $((first_port + $2 - 1))); do
		"$receiver" "$port" > "$tmp/received.$port" &
		"$sender" --port "$port" --buf-size "$3" --bytes "$(($4 / $2))K" &
		pids="$pids $! "
	done
	# shellcheck disable=SC2086 # a list
	wait $pids
	wait_for 30 all_received "$2"
	total "$tmp"/received.*
}

all_received() {
	[ "$(grep -l '^POLLIN wakeups' "$tmp"/received.* | wc -l)" = "$1" ]
}

# measure PEER - all cases with the guest $guest; lines "CASE PEER VALUE"
measure() {
	cases | while read -r direction connections size kib; do
		value=$(throughput "$direction" "$connections" "$size" "$kib")
		echo "$direction,$connections,$size $1 $value"
	done
	"$bin/vsock_ping" "$guest" "$echo_port" 64 1000 |
		awk -v peer="$1" '{ print "round-trip-" $1, peer, $2 }'
}

with_enclave() {
	run_image a -m 256
	guest=$(value a cid) parent=3
	wait_for 20 agent_answers "$guest"
	measure enclave
	close_client a
}

# What is no list of CPUs is refused, and empties it.
empty_pool() {
	{ echo > "$pool_file"; } 2> /dev/null || :
	[ -z "$(tr -d '\n' < "$pool_file")" ]
}

# All CPUs are the host's while no enclave needs them.
with_qemu() {
	wait_for 10 empty_pool
	modprobe vhost_vsock
	qemu_guest "$qemu_cid"
	guest=$qemu_cid parent=2
	qemu_guest_answers "$guest"
	measure vhost
	end_qemu_guest
	wait_for 20 modprobe -r vhost_vsock 2> /dev/null
	pool_is_free
}

for round in $(seq "$rounds"); do
	note "round $round of $rounds"
	with_enclave
	with_qemu
done | tee "$tmp/results"

python3 - "$tmp/results" "$rounds" <<'PYTHON'
import statistics, sys
values = {}
for line in open(sys.argv[1]):
    if not line.startswith("#"):
        case, peer, value = line.split()
        values.setdefault(case, {}).setdefault(peer, []).append(float(value))
ratios = {}
print(f"{'direction,connections,size':28} {'enclave':>26} {'vhost-vsock':>26}  ratio")
for case, peers in values.items():
    cells = [f"{statistics.median(v):9.3f} ({min(v):.3f}-{max(v):.3f})"
             for v in (peers["enclave"], peers["vhost"])]
    ratios[case] = statistics.median(peers["enclave"]) / statistics.median(peers["vhost"])
    print(f"{case:28} {cells[0]:>26} {cells[1]:>26}  {ratios[case]:.2f}")
print("Gbit/s, more is better; round trips of 64 bytes in microseconds, less is better")
throughput = [ratio for case, ratio in ratios.items() if not case.startswith("round-trip")]
print(f"throughput: {statistics.geometric_mean(throughput):.2f} times that of vhost-vsock "
      f"(geometric mean of {len(throughput)} cases)")
full = all(len(v) == int(sys.argv[2]) for p in values.values() for v in p.values())
sys.exit(not full or len(values) != 26)
PYTHON
