#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs: vm
# Compares how long 8192 connections take to end with their enclave with 1024, and with 1024
# while another enclave has 8192. Fails if the time is not linear in their number, or if
# connections of the other enclave cost as much as those of the closed one.

set -eu

wanted_growth=16 # times, for 8 times as many
wanted_beside=4

"$NE_TEST_BIN/bench_ends" | tee /tmp/bench-ends
if grep '^not ok' /tmp/bench-ends; then
	exit 1
fi
awk -v wanted_growth="$wanted_growth" -v wanted_beside="$wanted_beside" '
	/^# [0-9]+ [0-9]+ [0-9]+ [0-9]+$/ {
		key = $2 " " $3
		if (!(key in best) || $5 < best[key])
			best[key] = $5
		if (!(key in call) || $4 < call[key])
			call[key] = $4
	}
	END {
		few = best["1024 0"]; many = best["8192 0"]; beside = best["1024 8192"]
		if (!few || !many || !beside)
			exit 1
		printf "the best of each, milliseconds: close() and until all have ended\n"
		for (key in best)
			printf "  %s of another: %.2f %.2f\n", key, call[key] / 1000, best[key] / 1000
		printf "8192 / 1024: %.2f (8 is linear, at most %d)\n", many / few, wanted_growth
		printf "1024 beside 8192 / 1024: %.2f (at most %d)\n", beside / few, wanted_beside
		exit many / few > wanted_growth || beside / few > wanted_beside
	}' /tmp/bench-ends
