#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Examines userspace with clang-tidy and cppcheck: TAP on stdout. Runs in the root with
# LLVM.
#
# usage: run.sh
#
# The checks that are off are in .clang-tidy and cppcheck.suppressions, with the reason for
# each. Takes up to ten minutes on two cores.

set -u
# shellcheck source=../lib/case.sh
. "$(dirname "$0")/../lib/case.sh"

here=$PWD/tests/analyze
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# With the flags of the real build, so that the tools see the same code as the compiler.
database() {
	scripts/compile-commands.py "$work/userspace" > "$work/compile_commands.json" &&
		grep -c '"file"' "$work/compile_commands.json"
}

# Standard error only counts suppressed warnings.
clang_tidy() {
	python3 -c '
import json, sys
print("\n".join(e["file"] for e in json.load(open(sys.argv[1]))))' \
		"$work/compile_commands.json" > "$work/files"
	xargs -n 4 -P "$(nproc)" clang-tidy --quiet --config-file="$here/.clang-tidy" \
		-p "$work" --warnings-as-errors='*' < "$work/files" 2> "$work/errors"
}

cppcheck_() {
	cppcheck --quiet --std=c11 --language=c --inline-suppr \
		--enable=warning,portability --error-exitcode=1 -j "$(nproc)" \
		--suppressions-list="$here/cppcheck.suppressions" \
		-D_GNU_SOURCE -D__x86_64__ -D__linux__ -Iuserspace -Iinclude/uapi \
		--include=tests/analyze/macros.h userspace image
}

begin analyze/userspace
check "commands of the build" database
check "clang-tidy" clang_tidy
check "cppcheck" cppcheck_
finish
