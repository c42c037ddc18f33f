#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs tests in the VM, as installed by payload-root.sh.
#
# usage: run-all.sh [--special|--first|--again] DIRECTORY|DIRECTORY/PROGRAM...
#
# --special runs only the cases that need a special machine (struct ne_case), in programs
# that have any. Of several kernels, one is enough for some programs: --first leaves out those
# with a line "# Once, on another kernel: REASON", --again those with "# Once: REASON".

lib=$(dirname "$0")
here=$lib/..
NE_TEST_BIN=$here/bin
NE_TEST_MARK=$lib/kmsg-mark.sh
NE_TEST_COMPLETE=1
export NE_TEST_BIN NE_TEST_MARK NE_TEST_COMPLETE
holder=

# When the first VM of a host starts and when the last one ends, KVM patches the code of the
# scheduler (preempt_notifier_key). In software emulation, a CPU sometimes executes the
# breakpoint of such a patch too late: "Oops: int3" in __schedule. A VM that exists all the
# time prevents the patching.
hold_kvm() {
	[ "$(systemd-detect-virt)" = qemu ] || return 0
	python3 -c '
import fcntl, os, signal
KVM_CREATE_VM = 0xAE01
vm = fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), KVM_CREATE_VM, 0)
signal.pause()' &
	holder=$!
}

release_kvm() {
	[ -z "$holder" ] || kill "$holder"
	[ -z "$holder" ] || wait "$holder" 2> /dev/null
	holder=
}

# has_special_cases PROGRAM - only programs in abi have the options for this
has_special_cases() {
	case $1 in
	*/abi/*) [ -n "$("$1" -l -s)" ] ;;
	*) false ;;
	esac
}

NE_TEST_OPTIONS=
elsewhere=
case $1 in
--special)
	NE_TEST_OPTIONS=-s
	shift
	;;
--first)
	elsewhere='^# Once, on another kernel: '
	shift
	;;
--again)
	elsewhere='^# Once: '
	shift
	;;
esac
export NE_TEST_OPTIONS
# programs NAME - list the programs in a directory, or the one program; a name without any is
# a failure
programs() {
	find "$here/$1" -maxdepth 1 -type f -perm -u+x 2> /dev/null | sort > "$list"
	[ -s "$list" ] || printf '#> begin %s\n1..1\nnot ok 1 there is no such program\n#> end %s 1 0\n' \
		"$1" "$1"
}

list=$(mktemp)
hold_kvm
for name; do
	programs "$name"
	# The names contain no blanks. With a loop of read, the list would be the programs' input.
	# shellcheck disable=SC2013
	for test in $(cat "$list"); do
		[ -z "$NE_TEST_OPTIONS" ] || has_special_cases "$test" || continue
		[ -z "$elsewhere" ] || ! grep -qs "$elsewhere" "$test" || continue
		# This test unloads KVM.
		[ "${test##*/}" != errors.sh ] || release_kvm
		folder=${test%/*}
		NE_SLOWNESS=$("$lib/slowness.sh")
		export NE_SLOWNESS
		"$lib/run-each.sh" "${folder##*/}" 900 "$test"
		[ -n "$holder" ] || hold_kvm
	done
done
release_kvm
exit 0
