#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds and runs the unit tests. Runs in the build root.

set -eu

out=$PWD/build/vm/asan
make -s -j "$(nproc)" -C tests/unit O="$out" WERROR=1
CMOCKA_MESSAGE_OUTPUT=TAP
export CMOCKA_MESSAGE_OUTPUT
for test in tests/unit/test_*.c; do
	name=${test##*/}
	tests/lib/run-each.sh unit 120 "$out/unit/${name%.c}"
done
