#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the VM: the tests of some folders, as installed by payload-root.sh.
#
# usage: run-all.sh FOLDER...

here=$(dirname "$0")
NE_TEST_BIN=$here/bin
export NE_TEST_BIN
holder=

# The first VM of a host and the end of its last one make KVM patch the scheduler's
# code (preempt_notifier_key). In software emulation a CPU sometimes meets the
# breakpoint of such a patch too late: "Oops: int3" in __schedule. A VM that exists
# all the time keeps the code as it is.
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

hold_kvm
for folder; do
	for test in $(find "$here/$folder" -maxdepth 1 -type f -perm -u+x | sort); do
		# It unloads KVM.
		[ "${test##*/}" != errors.sh ] || release_kvm
		"$here/run-each.sh" "$folder" 900 "$test"
		[ -n "$holder" ] || hold_kvm
	done
done
release_kvm
exit 0
