#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Reads the output of run-each.sh: TAP or KTAP of test programs, nested or not. Shows a line
# per program, and the reasons for failures and skips.
#
# usage: ktap.sh COUNTS < OUTPUT
#
# Adds a line "PASSED FAILED SKIPPED" to the file COUNTS. Only leaves count: the result of a
# group of nested tests is not counted. Lines outside of programs are printed unchanged.

set -eu

# mawk buffers its input and output unless it is interactive.
interactive=
case $(awk -W version < /dev/null 2>&1) in
mawk*) interactive="-W interactive" ;;
esac

# shellcheck disable=SC2086 # two words or none
exec awk $interactive -v counts="$1" '
function detail(text)
{
	details[++ndetails] = text
}

function fail(text,	i)
{
	failed++
	for (i = 1; i <= nnotes; i++)
		detail("    " notes[i])
	detail("  FAIL " text)
}

function begin(title)
{
	program = title
	passed = failed = skipped = 0
	planned = results = nnotes = ndetails = 0
	plans = 0
	split("", below)
}

# A result after deeper results is that of their group.
function is_group(depth,	d, found)
{
	for (d in below)
		if (d + 0 > depth) {
			found = 1
			delete below[d]
		}
	below[depth] = 1
	return found
}

function result(line,	depth, bad, reason)
{
	match(line, /^ */)
	depth = RLENGTH
	line = substr(line, depth + 1)
	bad = line ~ /^not ok/
	if (depth == 0)
		results++
	if (is_group(depth) && !(bad && !failed))
		return
	sub(/^(not )?ok *[0-9]* *-? */, "", line)
	if (match(line, / *# *[Ss][Kk][Ii][Pp][A-Za-z]*:? */)) {
		reason = substr(line, RSTART + RLENGTH)
		line = substr(line, 1, RSTART - 1)
		skipped++
		detail("  skip " line ": " reason)
	} else if (bad) {
		fail(line)
	} else {
		passed++
	}
	nnotes = 0
}

function plan(line)
{
	if (match(line, /^1\.\.0 *# *[Ss][Kk][Ii][Pp][A-Za-z]*:? */)) {
		skipped++
		detail("  skip all: " substr(line, RLENGTH + 1))
	}
	plans = 1
	sub(/^1\.\./, "", line)
	planned += line + 0
}

function end(status, seconds,	i)
{
	if (status == 124 || status == 137)
		fail("stopped after " seconds " s")
	else if (status != 0 && status != 4 && !failed)
		fail("exit status " status)
	if (plans && planned != results && !failed)
		fail("planned " planned " results, there are " results)
	if (!passed && !failed && !skipped)
		fail("ran nothing")
	printf "%-36s %4d passed%s%s  (%d s)\n", program, passed,
		failed ? ", " failed " failed" : "",
		skipped ? ", " skipped " skipped" : "", seconds
	for (i = 1; i <= ndetails; i++)
		print details[i]
	fflush()
	all_passed += passed
	all_failed += failed
	all_skipped += skipped
	program = ""
}

{ sub(/\r$/, "") }
/^#> begin / { begin($3); next }
/^#> end / { end($4, $5); next }
program == "" { print; fflush(); next }
/^ *(not )?ok( |$)/ { result($0); next }
/^1\.\.[0-9]/ { plan($0); next }
/^ *(TAP version|KTAP version|1\.\.)/ || /^$/ { next }
# The lines before a failure explain it; keep the last ones.
{
	if (nnotes == 30) {
		for (i = 1; i < 30; i++)
			notes[i] = notes[i + 1]
		nnotes--
	}
	notes[++nnotes] = $0
}

END {
	if (program != "") {
		fail("did not end")
		end(0, 0)
	}
	print all_passed + 0, all_failed + 0, all_skipped + 0 >> counts
}'
