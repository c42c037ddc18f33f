#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Once: what a VMM gives up does not depend on the kernel; all other tests show that it does
# not need that.
# The sandbox of VMMs of real enclaves, seen from outside; tests/unit has the attempts to
# escape from it.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_host 160
need_daemon
need_image

status() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$(vmm_pids)/status"
}

# is NAME VALUE - the status of the VMM has this line
is() {
	found=$(status "$1" | tr '\t' ' ' | sed 's/ *$//')
	[ "$found" = "$2" ] || {
		echo "$1 is \"$found\", not \"$2\""
		return 1
	}
}

unprivileged() {
	uid=$(id -u ne-emu)
	gid=$(id -g ne-emu)
	[ "$uid" != 0 ]
	is Uid "$uid $uid $uid $uid"
	is Gid "$gid $gid $gid $gid"
	is Groups ""
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		is "$set" 0000000000000000
	done
	is NoNewPrivs 1
}

# Each thread, because each has its own filter.
system_calls_filtered() {
	threads=0
	for task in /proc/"$(vmm_pids)"/task/*/status; do
		case $(sed -n 's/^Name:\t//p' "$task") in
		ne-emu-vmm | vcpu*) ;;
		*) continue ;; # a thread of KVM, which is the kernel's
		esac
		grep -qx "Seccomp:	2" "$task"
		threads=$((threads + 1))
	done
	[ "$threads" = 3 ]
}

limited() {
	limits=/proc/$(vmm_pids)/limits
	grep -E '^Max open files +1 +1 ' "$limits"
	grep -E '^Max core file size +0 +0 ' "$limits"
	grep -E '^Max locked memory +0 +0 ' "$limits"
	# console.log at its limit, with the line that reports it.
	grep -E '^Max file size +67108864 +67108864 ' "$limits"
	# 32 MiB, and the stacks of two vCPUs.
	grep -E '^Max data size +33816576 +33816576 ' "$limits"
	grep -E '^Max stack size +8388608 +8388608 ' "$limits"
}

# The VMM needs far less than its limit.
little_memory() {
	kib=$(status VmData)
	echo "private memory: $kib"
	[ "${kib% kB}" -lt 16384 ]
}

# It has only host files that ne-emud has opened for it and its own sockets. Descriptors
# that are needed only to build the machine are closed.
descriptors() {
	find "/proc/$(vmm_pids)/fd" -type l -printf '%f %l\n' > "$tmp/fds"
	cat "$tmp/fds"
	sed 's/^[0-9]* //' "$tmp/fds" | grep -vE '^(/dev/null|/dev/ne_emu_vsock)$' |
		grep -vE '^anon_inode:(\[?(eventfd|eventpoll|timerfd|signalfd)\]?|ne.*|\[ne.*)$' |
		grep -vE '^anon_inode:(kvm-vm|kvm-vcpu:[0-9]+|kvm-vm-stats|kvm-vcpu-stats:[0-9]+)$' |
		grep -vE '^/run/ne-emu/[0-9a-f]{16}/session[0-3]\.(in|out)$' |
		grep -vE "^(socket:\[[0-9]+\]|$log_folder/0/[0-9a-f]{16}/(console.log|marks))$" \
			> "$tmp/others" || :
	[ ! -s "$tmp/others" ] || {
		echo "also open:"
		cat "$tmp/others"
		return 1
	}
}

run_image a -d
check "an ordinary user without rights" unprivileged
check "every thread has the list of system calls" system_calls_filtered
check "limits" limited
check "private memory far below its limit" little_memory
check "descriptors" descriptors
close_client a
finish
