#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs test programs one after the other and marks in their output where each
# begins and ends, for ktap.sh.
#
# usage: run-each.sh NAME SECONDS PROGRAM...
#
# NAME goes in front of each program's own; SECONDS is the limit for each.
# NE_TEST_OPTIONS are options that each of them gets. NE_TEST_MARK is the program that
# notes in the kernel log what runs (kmsg-mark.sh), if that is wanted; it is for the tests,
# too, as is NE_TEST_NAME.

set -u

name=$1 limit=$2
shift 2

for program; do
	title=$name/$(basename "$program" .sh)
	echo "#> begin $title"
	NE_TEST_NAME=$title
	export NE_TEST_NAME
	[ -z "${NE_TEST_MARK-}" ] || "$NE_TEST_MARK" "$title" begins
	start=$(date +%s)
	# shellcheck disable=SC2086 # options
	timeout --kill-after=10 "$limit" "$program" ${NE_TEST_OPTIONS-} < /dev/null 2>&1
	status=$?
	[ -z "${NE_TEST_MARK-}" ] || "$NE_TEST_MARK" "$title" ends
	# An own line, even if the last one was not ended.
	printf '\n#> end %s %s %s\n' "$title" "$status" $(($(date +%s) - start))
done
