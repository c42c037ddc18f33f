#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the selftests, the lifecycle tests and the tests of this folder in a VM
# whose kernel is the debug kernel. What KASAN, lockdep, kmemleak and the other
# checkers report is a failure, too.
#
# usage: run.sh [PATTERN...]   programs to run, default: all (see in-vm.sh)
#
# Variable: B, output folder (build)

set -eu
# shellcheck source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"
vm_dir=$top/tests/vm
here=$top/tests/debug
export NE_EMU_CACHE="$cache"
out=$(cd "$top" && realpath -m "${B:-build}")
debug=$out/debug

kernel=$("$here/kernel.sh")
"$vm_dir/payload.sh" "$out/vm"
mkdir -p "$debug"
"$vm_dir/enter.sh" "$here/build.sh" "$kernel" "$out/vm/payload.tar" "$debug" \
	> "$debug/build.log" 2>&1 || {
	tail -n 40 "$debug/build.log" >&2
	die "the build failed, all of it is in $debug/build.log"
}

# A checked kernel in an emulated machine: slow.
status=0
KERNEL_IMAGE=$kernel/bzImage MODULES_DIR=$debug/root "$vm_dir/vm.sh" \
	--payload "$debug/payload.tar" --log "$debug/log" --timeout 7200 \
	--command "/opt/ne-emu/debug/in-vm.sh $*" > "$debug/output" || status=$?
cat "$debug/output"
"$here/count.sh" "$status" < "$debug/output"
