#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs tests on one kernel, in the VM, and in a second VM with another topology.
#
# usage: on-kernel.sh COUNTS SERIES "--first"|"--again"|"" PROGRAM...
#
# The last arguments are those of run-all.sh. Adds "PASSED FAILED SKIPPED" of each VM to the
# file COUNTS. The logs are build/log/vm-SERIES.log and build/log/vm-SERIES.

set -eu
# shellcheck source=../../scripts/root/lib.sh
. "$(dirname "$0")/../../scripts/root/lib.sh"
vm_dir=$top/scripts/vm

logs=$top/build/log
ktap=$top/tests/lib/ktap.sh
counts=$1 kernel=$2 share=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
: > "$counts"

fail() {
	echo "0 1 0" >> "$counts"
	echo "  FAIL $*"
}

# try_vm TOPOLOGY LOG_NAME ARGUMENT... - writes $work/counts, and $work/status on failure
try_vm() {
	topology=$1 log=$2
	shift 2
	{
		"$vm_dir/vm.sh" --kernel "$kernel" --topology "$topology" --timeout 3000 \
			--payload "$top/build/vm/payload.tar" --log "$logs/$log" \
			--command "/opt/ne-emu/lib/run-all.sh $*" 2>&1 ||
			echo $? > "$work/status"
	} | tee "$logs/$log.log" | "$ktap" "$work/counts"
}

# in_vm TOPOLOGY LOG_NAME ARGUMENT... - run run-all.sh with the arguments, in one boot
in_vm() {
	printf '\n== %s on %s\n' "$(shift 2 && echo "$*")" "$kernel"
	try_vm "$@"
	# Some known faults kill the kernel, which says nothing about the tests.
	if [ -e "$work/status" ] && "$vm_dir/scan-log.sh" --died "$logs/$2/console.log" \
		"$logs/$2/kernel.log"; then
		echo "  once more"
		mv "$logs/$2.log" "$logs/$2-died.log"
		rm "$work/status" "$work/counts"
		try_vm "$@"
	fi
	cat "$work/counts" >> "$counts"
	[ ! -e "$work/status" ] || fail "the VM with $kernel failed, see $logs/$2"
	rm -f "$work/counts" "$work/status"
}

# shellcheck disable=SC2086 # nothing or an option
in_vm default "vm-$kernel" $share "$@"
case " $* " in
*" abi "*) in_vm nodes "vm-$kernel-nodes" --special abi ;;
esac
