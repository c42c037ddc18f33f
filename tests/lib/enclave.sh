# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# For scripts that test real enclaves in the VM: resources that enclaves need, enclaves
# started with the client "cycle", and checks for leaks.
#
# A script calls need_* functions, then runs its cases (case.sh).

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=case.sh
. "$here/../lib/case.sh"
image=${NE_SAMPLE_EIF:-/usr/share/ne-emu/sample.eif}
pool_file=/sys/module/nitro_enclaves/parameters/ne_cpus
log_folder=/var/log/ne-emu
saved_pages='' saved_pool='' saved_daemon=''
tmp=$(mktemp -d)

# The client is built into tests/lifecycle, or into $NE_TEST_BIN.
cycle=${NE_TEST_BIN:-$here/../lifecycle}/cycle

# lacking WHAT - skip the whole program; in the VM, which has everything
# (NE_TEST_COMPLETE), fail
lacking() {
	[ -n "${NE_TEST_COMPLETE-}" ] || skip_all "$@"
	note "$@"
	echo "1..1"
	echo "not ok 1 what the test needs"
	exit 1
}

# Every process that a case leaves in the background is a child of this script.
undo() {
	status=$?
	trap - EXIT
	for pid in $(jobs -p); do
		kill -9 "$pid" 2>/dev/null || :
	done
	wait 2>/dev/null || :
	[ -z "$saved_daemon" ] || start_daemon || :
	if [ -n "$saved_pages" ]; then
		echo "$saved_pages" > /proc/sys/vm/nr_hugepages || :
		echo "$saved_pool" > "$pool_file" 2>/dev/null || :
	fi
	rm -rf "$tmp"
	exit "$status"
}
trap undo EXIT
trap 'exit 130' INT TERM HUP

# wait_for SECONDS COMMAND... - repeat the command until it succeeds; slow machines get
# more time
wait_for() {
	wait_end=$(($(now_ms) + $1 * ${NE_SLOWNESS:-1} * 1000))
	shift
	until "$@"; do
		[ "$(now_ms)" -lt "$wait_end" ] || {
			echo "timed out waiting for: $*"
			return 1
		}
		sleep 0.05
	done
}

# Milliseconds since boot.
now_ms() {
	read -r uptime _ < /proc/uptime
	echo "$uptime" | awk '{ printf "%d\n", $1 * 1000 }'
}

# refused TEXT COMMAND... - the command fails and prints TEXT
refused() {
	refused_text=$1
	shift
	fails "$@" > "$tmp/refusal" 2>&1
	cat "$tmp/refusal"
	grep -q -e "$refused_text" "$tmp/refusal"
}

# Every user of the device: its group.
as_member() {
	setpriv --reuid 65534 --regid 65534 --groups "$(getent group ne | cut -d : -f 3)" "$@"
}

# The first two cores with two threads, without CPU 0's core: "2,3,4,5".
choose_pool() {
	for file in /sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list; do
		cat "$file"
	done | sed 's/-/,/' | sort -t , -k 1 -n -u |
		awk -F , 'NF == 2 && $1 != 0 && n < 2 { printf "%s%s", n++ ? "," : "", $0 }
			END { print "" }'
}

# need_host PAGES - load the module, set the CPU pool and provide PAGES free huge pages of
# 2 MiB
need_host() {
	[ "$(id -u)" = 0 ] || lacking "root only"
	modprobe nitro_enclaves_emu || lacking "module nitro_enclaves_emu cannot be loaded"
	wait_for 5 test -w /dev/nitro_enclaves > /dev/null ||
		lacking "there is no /dev/nitro_enclaves"
	saved_pool=$(cat "$pool_file")
	saved_pages=$(cat /proc/sys/vm/nr_hugepages)
	pool=$(choose_pool)
	[ -n "$pool" ] || lacking "no whole core of two threads besides CPU 0's"
	printf %s "$pool" > "$pool_file" || lacking "the CPU pool cannot be set"
	echo 1 > /proc/sys/vm/compact_memory
	echo "$1" > /proc/sys/vm/nr_hugepages
	[ "$(free_pages)" -ge "$1" ] || lacking "no $1 huge pages of 2 MiB"
}

# Tests start it more often than systemd's rate limit allows.
start_daemon() {
	systemctl reset-failed ne-emud.service 2> /dev/null || :
	systemctl start ne-emud.service
}

need_daemon() {
	start_daemon || lacking "ne-emud cannot be started"
	[ -w /dev/kvm ] || modprobe -q kvm_amd || modprobe -q kvm_intel || :
	wait_for 5 test -w /dev/kvm > /dev/null || lacking "there is no /dev/kvm"
}

need_image() {
	[ -r "$image" ] || lacking "there is no enclave image $image"
}

need_program() {
	for program; do
		command -v "$program" > /dev/null || lacking "$program is not installed"
	done
}

meminfo() {
	sed -n "s/^$1: *\([0-9]*\).*/\1/p" /proc/meminfo
}

free_pages() {
	meminfo HugePages_Free
}

pool_is_free() {
	printf %s "$pool" > "$pool_file"
}

vmm_pids() {
	pgrep -x ne-emu-vmm || :
}

no_vmm() {
	[ -z "$(vmm_pids)" ]
}

daemon_pid() {
	systemctl show -p MainPID --value ne-emud.service
}

daemon_fds() {
	find "/proc/$(daemon_pid)/fd" -mindepth 1 2>/dev/null | wc -l
}

# The resources that enclaves take, one per line. close() returns all of them, but
# processes and their fds may need a moment to go away.
resources() {
	echo "huge pages free: $(free_pages)"
	echo "VMM processes: $(vmm_pids | wc -l)"
	echo "daemon fds: $(daemon_fds)"
	pool_is_free 2>/dev/null && echo "pool: free" || echo "pool: in use"
}

# remember; ...; same_as_before - check that nothing leaked; waits for processes to end
remember() {
	resources > "$tmp/before"
}

resources_match() {
	resources > "$tmp/after"
	cmp -s "$tmp/before" "$tmp/after"
}

same_as_before() {
	wait_for 10 resources_match && return 0
	diff "$tmp/before" "$tmp/after"
}

# Mark where log_since begins. The mark is a line in the log, because the kernel drops its
# oldest lines, so that lines cannot be counted.
log_mark() {
	mark=ne-emu-test-mark-$(date +%s%N)
	echo "<7>$mark" > /dev/kmsg
}

# The kernel log since log_mark.
log_since() {
	dmesg > "$tmp/dmesg"
	grep -q "$mark" "$tmp/dmesg" || {
		echo "the kernel log no longer contains the mark"
		return 1
	}
	sed "1,/$mark/d" "$tmp/dmesg"
}

# client NAME ARGUMENT... - run the client in the background until close_client; its output
# goes to $tmp/NAME
client() {
	client_name=$1
	shift
	rm -f "$tmp/$client_name.in"
	mkfifo "$tmp/$client_name.in"
	"$cycle" -k "$@" < "$tmp/$client_name.in" > "$tmp/$client_name" 2>&1 \
		8>&- 9>&- &
	eval "client_$client_name=$!"
	eval "exec $(client_fd "$client_name")> \"\$tmp/$client_name.in\""
}

# The names of clients are a and b.
client_fd() {
	case $1 in
	a) echo 8 ;;
	b) echo 9 ;;
	esac
}

client_pid() {
	eval "echo \"\$client_$1\""
}

# Have the client close its enclave and return its exit status.
close_client() {
	eval "exec $(client_fd "$1")>&-"
	wait "$(client_pid "$1")"
}

# said NAME WORD - has the client printed a line that starts with WORD?
said() {
	grep -q "^$2" "$tmp/$1"
}

# wait_said SECONDS NAME WORD
wait_said() {
	wait_for "$1" said_or_over "$2" "$3" > /dev/null || :
	said "$2" "$3" && return 0
	echo "client $2 did not say \"$3\" but:"
	cat "$tmp/$2"
	return 1
}

said_or_over() {
	said "$1" "$2" || said "$1" failed || said "$1" closed
}

# value NAME WORD - print the rest of the last such line
value() {
	sed -n "s/^$2 //p" "$tmp/$1" | tail -n 1
}

# run_image NAME [ARGUMENT]... - start a client and wait until its enclave has booted
run_image() {
	run_name=$1
	shift
	client "$run_name" -m 128 -i "$image" "$@"
	wait_said 90 "$run_name" heartbeat
}

# vsock_exchange CID PORT TEXT - send, print the answer
vsock_exchange() {
	printf '%s' "$3" | timeout 20 socat -t 10 - "VSOCK-CONNECT:$1:$2"
}

# Wait until the echo service of the enclave answers.
echo_works() {
	wait_for 10 echo_once "$1"
}

echo_once() {
	[ "$(vsock_exchange "$1" 5005 "hello $1" 2>/dev/null)" = "hello $1" ]
}

# control CID LINE - send a line to the control service of the sample image
control() {
	wait_for 20 control_once "$@"
}

# The service acts as soon as this side closes the connection, so wait for the answer
# first: a guest that goes down drops packets that it has not sent yet.
control_once() {
	[ "$(echo "$2" | timeout 20 socat -,ignoreeof "VSOCK-CONNECT:$1:5007" 2>/dev/null)" = ok ]
}

# log_of UID NAME - print the path of a file in the enclave's log directory, if it exists
log_of() {
	find "$log_folder" -mindepth 3 -maxdepth 3 -path "*/$1/$2"
}

# exit_record UID KEY - print a value from the exit record that the daemon keeps
exit_record() {
	python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' \
		"$(log_of "$1" exit.json)" "$2"
}

has_exit_record() {
	[ -s "$(log_of "$1" exit.json)" ]
}
