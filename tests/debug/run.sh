#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests of the ABI, the lifecycle tests and those of this directory on the debug
# kernel, in the VM. Reports of KASAN, lockdep, kmemleak and other checkers are failures,
# too. The last line is "N passed, N failed, N skipped".
#
# usage: run.sh [PATTERN...]   programs, default: abi/* lifecycle/* debug/*
#
# NE_STRESS_TIME, NE_STRESS_SEED: for abi/stress_test.
#
# The complete output is in build/log/debug.log, that of the kernel in
# build/log/debug.

set -eu
# shellcheck source=../../scripts/root/lib.sh
. "$(dirname "$0")/../../scripts/root/lib.sh"
vm_dir=$top/scripts/vm
here=$top/tests/debug
build=$top/build
logs=$build/log
export NE_EMU_CACHE="$cache"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$logs"

kernel=$("$here/kernel.sh")
"$vm_dir/payload.sh" "$build/vm"
"$root_dir/enter.sh" "$here/build.sh" "$kernel" "$build/vm/payload.tar" "$build/debug" \
	> "$logs/debug-build.log" 2>&1 || {
	tail -n 40 "$logs/debug-build.log" >&2
	die "the build failed, all of it is in $logs/debug-build.log"
}

# A kernel with checkers on an emulated machine is slow.
seconds=${NE_STRESS_TIME:-0} seed=${NE_STRESS_SEED-}
limit=$((3600 + seconds))
command="NE_LIMIT=$limit ${NE_STRESS_TIME:+NE_STRESS_TIME=$seconds} NE_STRESS_SEED=$seed \
	/opt/ne-emu/debug/in-vm.sh $*"
{
	KERNEL_IMAGE=$kernel/bzImage MODULES_DIR=$build/debug/root \
		"$vm_dir/vm.sh" --payload "$build/debug/payload.tar" \
		--log "$logs/debug" --timeout $((3 * limit)) \
		--command "$command" 2>&1 || echo $? > "$work/status"
} | tee "$logs/debug.log" | "$top/tests/lib/ktap.sh" "$work/counts"

read -r passed failed skipped < "$work/counts"
[ ! -e "$work/status" ] || {
	echo "  FAIL the VM or its kernel, see $logs/debug"
	failed=$((failed + 1))
}
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
