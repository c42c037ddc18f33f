# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Test cases in shell: prints KTAP on standard output.
#
# "check NAME COMMAND..." runs a case, "check_each FUNCTION..." runs cases named after their
# functions, and "finish" ends the script. Cases may call note, skip and fails.
#
# run-each.sh marks for ktap.sh where a program begins and ends. A script that runs without
# it calls "begin NAME" first and prints these marks itself.

case_output=$(mktemp)
case_skip=$(mktemp)
case_script=
cases=0 failed=0 skipped=0

begin() {
	case_script=$1
	echo "#> begin $case_script"
	echo "TAP version 13"
}

note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

# skip REASON - end the case that is running
skip() {
	echo "$*" > "$case_skip"
	exit 0
}

skip_all() {
	echo "1..0 # SKIP $*"
	exit 4
}

# check NAME COMMAND... - pass if the command succeeds. If it fails, show its output and
# the last lines of the file $log, if the script has one. In a script with "set -e", a
# function ends at its first command that fails.
check() {
	check_name=$1
	shift
	cases=$((cases + 1))
	: > "$case_skip"
	check_flags=$-
	# Not in an "||" list or "if", which would switch off "set -e" inside.
	set +e
	(
		case $check_flags in *e*) set -e ;; esac
		"$@"
	) > "$case_output" 2>&1 < /dev/null
	check_status=$?
	case $check_flags in *e*) set -e ;; esac
	if [ "$check_status" != 0 ]; then
		failed=$((failed + 1))
		note "exit status $check_status"
		sed 's/^/# /' "$case_output"
		[ ! -s "${log-}" ] || tail -n 40 "$log" | sed 's/^/# /'
		echo "not ok $cases - $check_name"
	elif [ -s "$case_skip" ]; then
		skipped=$((skipped + 1))
		echo "ok $cases - $check_name # SKIP $(cat "$case_skip")"
	else
		echo "ok $cases - $check_name"
	fi
}

check_each() {
	for check_function; do
		check "$(echo "$check_function" | tr _ ' ')" "$check_function"
	done
}

# A script that printed its marks exits with 0 if it ran to its end: ktap.sh counts the
# cases.
finish() {
	rm -f "$case_output" "$case_skip"
	echo "1..$cases"
	echo "# Totals: pass:$((cases - failed - skipped)) fail:$failed skip:$skipped"
	if [ -n "$case_script" ]; then
		echo "#> end $case_script 0 0"
		exit 0
	fi
	[ "$failed" = 0 ] && [ "$cases" != 0 ] || exit 1
	[ "$skipped" != "$cases" ] || exit 4
	exit 0
}

# fails COMMAND... - like "!", but also ends the case under "set -e"
fails() {
	! "$@" || {
		echo "it succeeded: $*"
		return 1
	}
}
