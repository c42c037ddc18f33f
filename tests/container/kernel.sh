#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# The enclave kernel that comes with ne-emu: "eif build" takes it by default, and it has what
# the programs of a container expect.
#
# Once: this tests the enclave kernel.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3 busybox jq
need_host 160
need_daemon

kernel=/usr/share/ne-emu/bzImage

# Prints a line for each thing that works. It runs as root in the enclave.
probe() {
	cat <<-'PROBE'
	works() {
		name=$1
		shift
		"$@" > /dev/null 2>&1 && echo "works: $name"
	}
	mounts() {
		mkdir -p "/mnt/$1" && mount -t "$2" ${3:+-o $3} none "/mnt/$1"
	}
	overlay() {
		mkdir -p /tmp/lower /tmp/upper /tmp/work && echo a > /tmp/lower/file &&
			mounts overlay overlay \
				lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work &&
			echo b >> /mnt/overlay/file && [ "$(cat /tmp/lower/file)" = a ]
	}
	# server ADDRESS - a server and a client in this enclave
	server() {
		echo hello | nc -l -p 7000 &
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			[ "$(nc "$1" 7000 < /dev/null)" = hello ] && return
			sleep 0.3
		done
		return 1
	}
	ip link set lo up
	works "127.0.0.1" server 127.0.0.1
	works "ping 127.0.0.1" ping -c 1 127.0.0.1
	works "::1" server ::1
	works "tun" test -c /dev/net/tun
	works "veth" ip link add v0 type veth peer name v1
	works "bridge" ip link add b0 type bridge
	works "iptables" test -e /proc/net/ip_tables_names
	works "ip6tables" test -e /proc/net/ip6_tables_names
	works "policy routes" ip rule add from 127.0.0.9 table 9
	works "sockets of packets" grep -q . /proc/net/packet
	works "overlay" overlay
	works "cgroup2" mounts cgroup2 cgroup2
	for controller in cpuset cpu cpuacct memory devices freezer net_cls perf_event \
		net_prio hugetlb pids; do
		works "cgroup $controller" mounts "$controller" cgroup "$controller"
	done
	for namespace in cgroup ipc mnt net pid time user uts; do
		works "namespace $namespace" test -e /proc/self/ns/$namespace
	done
	works "user namespace" unshare -r true
	works "seccomp" grep -q '^Seccomp_filters:' /proc/self/status
	works "message queues" mounts mqueue mqueue
	works "huge pages" mounts hugetlbfs hugetlbfs
	works "System V IPC" test -e /proc/sysvipc/shm
	works "inotify" test -e /proc/sys/fs/inotify/max_user_watches
	works "fanotify" test -e /proc/sys/fs/fanotify
	works "AIO" test -e /proc/sys/fs/aio-max-nr
	works "io_uring" test -e /proc/sys/kernel/io_uring_disabled
	works "keys" test -e /proc/keys
	works "binfmt_misc" mounts binfmt binfmt_misc
	works "smaps" grep -q ^Rss: /proc/self/smaps
	works "I/O of a process" grep -q ^rchar: /proc/self/io
	works "transparent huge pages" test -e /sys/kernel/mm/transparent_hugepage/enabled
	works "no modules" test ! -e /proc/modules
	works "no BPF" test ! -e /proc/sys/kernel/unprivileged_bpf_disabled
	for file in /ramdisks/*; do
		works "ramdisk ${file##*/}" test -s "$file"
	done
	echo "probe: end"
	PROBE
}

compressions="bzip2 gzip lz4 lzma lzo xz zstd"

build() {
	mkdir -p "$tmp/root/bin" "$tmp/root/ramdisks"
	cp "$(command -v busybox)" "$tmp/root/bin/busybox"
	probe > "$tmp/root/probe"
	# shellcheck disable=SC2086 # a list
	set -- $compressions
	python3 "$here/lib/ramdisks.py" "$tmp" rootfs/ramdisks "$@"
	ramdisks=
	for name; do
		ramdisks="$ramdisks --ramdisk $tmp/$name"
	done
	# shellcheck disable=SC2086 # a list
	ne-emu eif build --rootfs "$tmp/root" --exec /bin/busybox --exec sh --exec -c \
		--exec '/bin/busybox --install -s /bin; . /probe' \
		$ramdisks -o "$tmp/probe.eif" 2> "$tmp/said"
	cat "$tmp/said"
}

chosen_by_default() {
	build
	release=$(strings_of "$kernel" | sed -n 's/^\(6\.12\.[0-9]*\) (.*/\1/p' | head -n 1)
	grep -x "kernel: $kernel, Linux $release" "$tmp/said"
}

strings_of() {
	tr -c '[:print:]' '\n' < "$1"
}

# The hash is that of the file, and of the kernel in the image.
hash_is_recorded() {
	hash=$(sha256sum < "$kernel" | cut -d ' ' -f 1)
	ne-emu eif describe --json "$tmp/probe.eif" > "$tmp/described"
	[ "$(jq -r .Metadata.KernelSHA256 "$tmp/described")" = "$hash" ]
	[ "$(jq -r .ImageName "$tmp/described")" = root ]
	ne-emu eif extract "$tmp/probe.eif" "$tmp/parts"
	[ "$(sha256sum < "$tmp/parts/kernel" | cut -d ' ' -f 1)" = "$hash" ]
}

# The build left nothing of its machine in the kernel.
banner() {
	timeout 120 ne-emu run --memory 256 --debug --console "$tmp/probe.eif" > "$tmp/out" \
		2> "$tmp/err" || :
	grep -a 'probe: end' "$tmp/out" || {
		tail -n 20 "$tmp/out" "$tmp/err"
		return 1
	}
	grep -a "Linux version $(uname_of_config) (ne-emu@enclave) .* #1 SMP Thu Jan  1 00:00:00 UTC 1970" \
		"$tmp/out"
}

uname_of_config() {
	sed -n 's,^# Linux/x86 \(.*\) Kernel Configuration$,\1,p' "$kernel.config"
}

works() {
	tr -d '\r' < "$tmp/out" | grep -a -x "works: $1" || {
		grep -a 'works: ' "$tmp/out"
		return 1
	}
}

check "it is the default, and named" chosen_by_default
check "the metadata has its hash" hash_is_recorded
check "its banner" banner
{
	probe | sed -n 's/.*works "\([^"$]*\)".*/\1/p'
	printf 'cgroup %s\n' cpuset cpu cpuacct memory devices freezer net_cls perf_event \
		net_prio hugetlb pids
	printf 'namespace %s\n' cgroup ipc mnt net pid time user uts
	# shellcheck disable=SC2086 # a list
	printf 'ramdisk %s\n' $compressions
} > "$tmp/names"
while read -r name; do
	check "$name" works "$name"
done < "$tmp/names"
finish
