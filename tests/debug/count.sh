#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Reads the output of in-vm.sh, prints the closing line; fails with the VM.
#
# usage: count.sh STATUS_OF_THE_VM < OUTPUT

awk -v vm="$1" '
	# Cases of programs are indented; lines of programs only count without.
	/^ *ok [0-9]+ .*# SKIP/ { skip[/^ /]++; next }
	/^ *ok [0-9]+ / { pass[/^ /]++ }
	/^ *not ok [0-9]+ / { fail[/^ /]++ }
	/^1\.\.[0-9]+$/ { ended = 1 }
	END {
		if (vm == 125)
			fail[0]++
		printf "%d passed, %d failed, %d skipped\n", pass[0] + pass[1],
			fail[0] + fail[1], skip[0] + skip[1]
		if (!ended)
			print "the VM stopped before all programs were run"
		exit vm || !ended || fail[0] || fail[1] || !pass[1]
	}'
