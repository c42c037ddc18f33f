#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the selftests on this host, as root. They change the CPU pool and huge pages, load and
# unload the module and switch CPUs off and on, and restore everything.
#
# usage: kselftest.sh DIRECTORY   run the programs in it
#        kselftest.sh --check     only report what is missing

set -eu

here=$(cd "$(dirname "$0")" && pwd)

if [ ! -d /sys/module/nitro_enclaves_emu ]; then
	echo "The module nitro_enclaves_emu is not loaded: load it (modprobe" \
		"nitro_enclaves_emu), or run the tests in a VM (make check-abi)." >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "The selftests of a loaded module need root: sudo make kselftest." >&2
	exit 1
fi
[ "$1" != --check ] || exit 0

folder=$(cd "$1" && pwd)
counts=$(mktemp)
trap 'rm -f "$counts"' EXIT
trap 'exit 130' INT TERM HUP
# compare_drivers.sh runs the two excluded programs.
find "$folder" -maxdepth 1 -type f \( -name '*_test' -o -name '*.sh' \) \
	! -name cpu_pool_test ! -name parameter_test | sort | xargs "$here/run-each.sh" kselftest 900 | "$here/ktap.sh" "$counts"
read -r passed failed skipped < "$counts"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
