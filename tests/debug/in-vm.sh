#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs test programs in the VM with the debug kernel, then looks for leaks.
#
# usage: in-vm.sh [PATTERN...]   default: abi/* lifecycle/*.sh debug/*_test
#
# A program that has subtests prints them indented; its own line follows.

set -u

cd /opt/ne-emu || exit 1
[ $# -gt 0 ] || set -- abi/*_test lifecycle/*.sh debug/*_test
bin=/opt/ne-emu/bin
leaks=/sys/kernel/debug/kmemleak
nr=0 failed=0

mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
export NE_TEST_BIN="$bin"

# result STATUS NAME
result() {
	nr=$((nr + 1))
	case $1 in
	0) echo "ok $nr $2" ;;
	4) echo "ok $nr $2 # SKIP" ;;
	*)
		failed=1
		echo "not ok $nr $2 # exit status $1"
		;;
	esac
}

run() {
	echo "# Subtest: $1" | sed 's/^/    /'
	"./$1" > /tmp/program-output 2>&1 < /dev/null
	status=$?
	sed 's/^/    /' /tmp/program-output
	result "$status" "$1"
}

# Two scans: what is only seen once may be in flight. The daemon stays.
no_leaks() {
	sleep 6 # killed VMMs are given five seconds
	echo scan > "$leaks"
	echo scan > "$leaks"
	cat "$leaks" > /tmp/leaks
	[ ! -s /tmp/leaks ] || {
		sed 's/^/# /' /tmp/leaks
		return 1
	}
}

echo "KTAP version 1"
[ -e "$leaks" ] && echo clear > "$leaks" || result 1 "kmemleak is there"

for pattern; do
	for program in $pattern; do
		[ "${program##*/}" = lib.sh ] || run "$program"
	done
done

no_leaks
result $? "kmemleak finds nothing"

systemctl stop ne-emud.service
status=0
for module in nitro_enclaves_emu ne_emu_vsock; do
	[ ! -d "/sys/module/$module" ] || rmmod "$module" || status=1
done
result "$status" "modules can be unloaded"
no_leaks
result $? "kmemleak finds nothing after unloading"

echo "1..$nr"
exit "$failed"
