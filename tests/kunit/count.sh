#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Reads KUnit's output and prints the total. Fails if a test failed, if none ran, or if the
# kernel did not reach the end.
#
# usage: count.sh < OUTPUT

awk '
	# "1..N" before the suites, then one "# Totals:" and one result per suite.
	/^ *1\.\.[0-9]+$/ && !planned { planned = 1; sub(/.*\.\./, ""); suites = $0 + 0 }
	/^# Totals: / {
		for (i = 3; i <= NF; i++) {
			split($i, count, ":")
			sum[count[1]] += count[2]
		}
	}
	/^(not )?ok [0-9]+ / { ended++ }
	END {
		printf "%d passed, %d failed, %d skipped\n",
			sum["pass"], sum["fail"], sum["skip"]
		if (ended != suites)
			print "the kernel stopped before all suites were run"
		exit sum["fail"] || !sum["pass"] || ended != suites
	}'
