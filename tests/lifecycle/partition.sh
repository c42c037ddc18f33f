#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# The CPU pool as an isolated partition: made and removed with the pool, only for vCPU
# threads, kept while ne-emud does not run.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_host 160
need_daemon
need_image

group=/sys/fs/cgroup/ne-emud.service/ne-emu-pool
drop_in=/run/systemd/system/ne-emud.service.d/test.conf
[ -e /sys/fs/cgroup/cpuset.cpus.isolated ] ||
	skip_all "this kernel does not report isolated CPUs"

# Print a list as the kernel writes it: "2,3,4,5" is "2-5".
kernel_list() {
	python3 - "$1" <<-'PYTHON'
	import itertools, sys
	cpus = sorted(map(int, sys.argv[1].split(",")))
	runs = itertools.groupby(enumerate(cpus), lambda pair: pair[1] - pair[0])
	runs = [[cpu for _, cpu in run] for _, run in runs]
	print(",".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs))
	PYTHON
}
list=$(kernel_list "$pool")

isolated() {
	[ "$(cat /sys/fs/cgroup/cpuset.cpus.isolated)" = "$1" ]
}

set_pool() {
	printf %s "$1" > "$pool_file"
}

clear_pool() {
	echo > "$pool_file" 2> /dev/null || :
}

# start NAME - start an enclave, which is about to boot
start() {
	client "$1" -m 128 -i "$image"
	wait_said 20 "$1" cid
}

# May a process of the host run on this CPU?
host_may_use() {
	taskset -c "$1" true 2> /dev/null
}

journal_says() {
	journalctl -q -u ne-emud.service -o cat _PID="$(daemon_pid)" | grep -q "$1"
}

with_pool() {
	clear_pool
	wait_for 10 isolated ""
	set_pool "$pool"
	wait_for 10 isolated "$list"
	[ "$(cat "$group"/cpuset.cpus.effective)" = "$list" ]
	[ "$(cat "$group"/cpuset.cpus.partition)" = isolated ]
	for cpu in $(echo "$pool" | tr , ' '); do
		fails host_may_use "$cpu"
	done
	host_may_use 0
	# No other cgroup has any of them left.
	cat /sys/fs/cgroup/*/cpuset.cpus.effective
	for file in /sys/fs/cgroup/*/cpuset.cpus.effective; do
		fails grep -qw "${pool%%,*}" "$file"
	done
}

with_another_pool() {
	half=$(echo "$pool" | cut -d , -f 3,4)
	set_pool "$pool"
	set_pool "$half"
	wait_for 10 isolated "$(kernel_list "$half")"
	host_may_use "${pool%%,*}"
	set_pool "$pool"
	wait_for 10 isolated "$list"
	fails host_may_use "${pool%%,*}"
}

without_pool() {
	set_pool "$pool"
	wait_for 10 isolated "$list"
	clear_pool
	wait_for 10 test ! -d "$group"
	isolated ""
	host_may_use "${pool%%,*}"
	[ -z "$(cat /sys/fs/cgroup/ne-emud.service/cpuset.cpus.exclusive)" ]
	fails grep -q cpuset /sys/fs/cgroup/ne-emud.service/cgroup.subtree_control
	set_pool "$pool"
	wait_for 10 isolated "$list"
}

# Prints the name and the allowed CPUs of each thread of the VMM.
vmm_threads() {
	for task in /proc/"$(vmm_pids)"/task/*; do
		echo "$(cat "$task/comm") $(sed -n 's/^Cpus_allowed_list:\t//p' "$task/status")" \
			"$(sed 's/^0:://' "$task/cgroup")"
	done
}

# vCPU n is on the n-th CPU, in the partition. All other threads of the VMM are outside,
# except a kernel thread that KVM creates for the first vCPU that runs.
threads_placed() {
	vmm_threads > "$tmp/threads"
	first=${pool%%,*}
	second=$(echo "$pool" | cut -d , -f 2)
	grep -qx "vcpu0 $first /ne-emud.service/ne-emu-pool" "$tmp/threads" &&
		grep -qx "vcpu1 $second /ne-emud.service/ne-emu-pool" "$tmp/threads" &&
		! grep -v -e ^vcpu -e ^kvm-nx-lpage-re "$tmp/threads" | grep /ne-emu-pool &&
		grep -q '^ne-emu-vmm [^ ]* /ne-emud.service$' "$tmp/threads" &&
		vcpus_in_pool 2
}

vcpus_in_pool() {
	in_pool=0
	while read -r tid; do
		case $(cat "/proc/$tid/comm") in
		vcpu*) in_pool=$((in_pool + 1)) ;;
		esac
	done < "$group/cgroup.threads"
	[ "$in_pool" = "$1" ]
}

wait_placed() {
	wait_for 10 threads_placed || {
		cat "$tmp/threads"
		return 1
	}
}

threads_inside() {
	start a
	wait_placed
	ne-emu doctor | grep -A 1 -E 'cpu-pool|isolation'
	ne-emu doctor --json | python3 -c '
import json, sys
pool = json.load(sys.stdin)["CPUPool"]
assert pool["Isolated"] and pool["NotIsolatedBecause"] is None, pool
assert pool["NumaNode"] == 0 and pool["NumberOfCPUs"] == 4, pool
assert pool["ClaimedCPUIDs"] == pool["CPUIDs"][:2], pool'
	no_admin CapBnd
	no_admin CapPrm
	close_client a
	wait_for 10 no_vmm
	isolated "$list"
}

# The VMM lacks CAP_SYS_ADMIN, capability 21, in this set.
no_admin() {
	caps=$(sed -n "s/^$1:\t//p" "/proc/$(vmm_pids)/status")
	echo "$1 $caps"
	[ $((0x$caps >> 21 & 1)) = 0 ]
}

daemon_restarts() {
	run_image a
	for how in restart "kill -s KILL --kill-whom=main"; do
		old=$(daemon_pid)
		# shellcheck disable=SC2086 # two words
		systemctl $how ne-emud.service
		wait_for 10 test ! -d "/proc/$old"
		isolated "$list"
		start_daemon
		wait_placed
		isolated "$list"
	done
	# systemd reads the attributes of its cgroups.
	systemctl daemon-reload
	isolated "$list"
	echo_works "$(value a cid)"
	# A concurrent start uses the same partition.
	start b
	wait_for 10 vcpus_in_pool 4
	close_client b
	close_client a
	wait_for 10 no_vmm
	isolated "$list"
}

configure_daemon() {
	mkdir -p "${drop_in%/*}"
	cat > "$drop_in"
	systemctl daemon-reload
	systemctl restart ne-emud.service
}

# The next ne-emud removes a partition that no longer matches the pool.
pool_changes_without_daemon() {
	wait_for 10 isolated "$list"
	configure_daemon <<-'UNIT'
	[Service]
	Restart=no
	UNIT
	start a
	kill -9 "$(daemon_pid)"
	isolated "$list"
	close_client a
	clear_pool
	rm "$drop_in"
	systemctl daemon-reload
	start_daemon
	wait_for 10 isolated ""
	set_pool "$pool"
	wait_for 10 isolated "$list"
}

daemon_stops() {
	start a
	systemctl stop ne-emud.service
	isolated "$list"
	# systemd removes the cgroup of a stopped service with its last thread.
	close_client a
	wait_for 10 isolated ""
	start_daemon
	wait_for 10 isolated "$list"
	systemctl stop ne-emud.service
	isolated ""
	host_may_use "${pool%%,*}"
	start_daemon
	wait_for 10 isolated "$list"
}

module_unloads() {
	wait_for 10 isolated "$list"
	modprobe -r nitro_enclaves_emu
	wait_for 10 isolated ""
	modprobe nitro_enclaves_emu
	wait_for 5 test -w /dev/nitro_enclaves
	start_daemon
	set_pool "$pool"
	wait_for 10 isolated "$list"
}

# An enclave continues to run while its CPUs go offline and come back, and the next start
# repairs the partition. The kernel forgets which CPU of it a thread was bound to.
hotplug() {
	run_image a
	cpus=$(echo "$pool" | tr , ' ')
	first=${pool%%,*}
	echo 0 > "/sys/devices/system/cpu/cpu$first/online"
	echo_works "$(value a cid)"
	echo 1 > "/sys/devices/system/cpu/cpu$first/online"
	vcpus_in_pool 2
	isolated "$list"
	for cpu in $cpus; do
		echo 0 > "/sys/devices/system/cpu/cpu$cpu/online"
	done
	echo_works "$(value a cid)"
	cat "$group"/cpuset.cpus.partition
	for cpu in $cpus; do
		echo 1 > "/sys/devices/system/cpu/cpu$cpu/online"
	done
	echo_works "$(value a cid)"
	start b
	isolated "$list"
	wait_for 10 vcpus_in_pool 4
	close_client b
	wait_for 10 vcpus_in_pool 2
	close_client a
	wait_for 10 no_vmm
}

# not_isolated REASON - enclaves still run, pinned to their CPUs
not_isolated() {
	wait_for 10 isolated ""
	journal_says "not isolated: .*$1"
	[ "$(journalctl -q -u ne-emud.service -o cat _PID="$(daemon_pid)" |
		grep -c 'not isolated')" = 1 ]
	set_pool "$pool"
	start a
	vmm_threads
	vmm_threads | grep -q "^vcpu0 ${pool%%,*} "
	ne-emu doctor --json | grep -q "$1"
	close_client a
	wait_for 10 no_vmm
}

default_daemon() {
	rm "$drop_in"
	systemctl daemon-reload
	systemctl restart ne-emud.service
	wait_for 10 isolated "$list"
}

switched_off() {
	configure_daemon <<-'UNIT'
	[Service]
	ExecStart=
	ExecStart=/usr/sbin/ne-emud --no-isolation
	UNIT
	not_isolated no-isolation
	default_daemon
}

host_cannot() {
	configure_daemon <<-'UNIT'
	[Service]
	Delegate=no
	UNIT
	not_isolated Delegate=cpuset
	default_daemon
}

check "made with the pool, for enclaves only" with_pool
check "follows the pool" with_another_pool
check "undone with the pool, without a trace" without_pool
check "vCPU threads inside, the rest of the VMM outside" threads_inside
check "kept by enclaves while ne-emud is restarted or killed" daemon_restarts
check "pool cleared while there is no ne-emud" pool_changes_without_daemon
check "stays until the last enclave when ne-emud is stopped" daemon_stops
check "undone when the module is unloaded" module_unloads
check "CPUs go offline and come back" hotplug
check "switched off by --no-isolation" switched_off
check "hosts that cannot isolate: only pinned, the reason is logged once" host_cannot
finish
