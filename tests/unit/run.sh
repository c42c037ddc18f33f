#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds and runs the unit tests of programs and scripts. Runs in the build root.
#
# usage: run.sh [PREFIX]... - only tests whose names have one of these prefixes

set -eu

# wanted NAME PREFIX...
wanted() {
	candidate=$1
	shift
	[ $# -gt 0 ] || return 0
	for prefix; do
		case $candidate in "$prefix"*) return 0 ;; esac
	done
	return 1
}

out=$PWD/build/vm/asan
tests=
for test in tests/unit/test_*.c; do
	name=$(basename "$test" .c)
	! wanted "${name#test_}" "$@" || tests="$tests $name"
done
make -s -j "$(nproc)" -C tests/unit O="$out" WERROR=1 TESTS="${tests# }"
CMOCKA_MESSAGE_OUTPUT=TAP
export CMOCKA_MESSAGE_OUTPUT
make -s -j "$(nproc)" -C tests/fuzz O="$out" WERROR=1 replay
for name in $tests; do
	tests/lib/run-each.sh unit 120 "$out/unit/$name"
done
# The corpora of the fuzz targets.
for corpus in tests/fuzz/corpus/*; do
	wanted "${corpus##*/}" "$@" || continue
	cat > "$out/fuzz/${corpus##*/}" <<-END
	#!/bin/sh
	exec "$out/fuzz/fuzz_${corpus##*/}" "$corpus"
	END
	chmod +x "$out/fuzz/${corpus##*/}"
	tests/lib/run-each.sh fuzz 120 "$out/fuzz/${corpus##*/}"
done
# Tests of the scripts that run tests.
for script in tests/unit/test_*.sh; do
	name=$(basename "$script" .sh)
	! wanted "${name#test_}" "$@" || "$script"
done
wanted attest "$@" || exit 0
MAKE_DOCUMENTS=$out/unit/make-documents
export MAKE_DOCUMENTS
tests/lib/run-each.sh attest 120 tests/attest/documents.sh
