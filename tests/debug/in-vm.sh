#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs test programs in the VM with the debug kernel, then looks for leaks.
#
# usage: in-vm.sh [PATTERN...]
#
# NE_LIMIT: seconds for each program, 3600

set -eu

cd /opt/ne-emu
[ $# -gt 0 ] || set -- 'abi/*' 'lifecycle/*' 'debug/*_test'
NE_TEST_BIN=/opt/ne-emu/bin
NE_TEST_MARK=/opt/ne-emu/lib/kmsg-mark.sh
export NE_TEST_BIN NE_TEST_MARK

mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
echo clear > /sys/kernel/debug/kmemleak

for pattern; do
	for program in $pattern; do
		if [ ! -f "$program" ] || [ ! -x "$program" ]; then continue; fi
		NE_SLOWNESS=$(lib/slowness.sh)
		export NE_SLOWNESS
		lib/run-each.sh "${program%/*}" "${NE_LIMIT:-3600}" "./$program"
	done
done
lib/run-each.sh debug 3600 ./debug/leaks.sh
