#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs test programs one after the other and marks in their output, for ktap.sh, where each
# begins and ends.
#
# usage: run-each.sh NAME SECONDS PROGRAM...
#
# NAME is a prefix for the name of each program; SECONDS is the time limit of each.
# NE_TEST_OPTIONS are options for all of them. NE_TEST_MARK, if set, is the program that notes
# in the kernel log what runs (kmsg-mark.sh); tests may use it, and NE_TEST_NAME, too.

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
	# On a separate line, even if the output did not end with a newline.
	printf '\n#> end %s %s %s\n' "$title" "$status" $(($(date +%s) - start))
done
