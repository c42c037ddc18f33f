# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# For scripts of checks that run in a root: TAP, between the marks that ktap.sh wants.
#
# tap_begin NAME; then "report TITLE COMMAND..." for each check, or "report_each
# FUNCTION..." for those whose names say what they check; then tap_end.
#
# What a check prints is shown when it fails, and the last lines of the file $log, if
# the script has one. Checks of a script with "set -e" end at their first failure, too.

tap_notes=$(mktemp)
tap_number=0

tap_begin() {
	tap_name=$1
	echo "#> begin $tap_name"
	echo "TAP version 13"
}

report() {
	tap_number=$((tap_number + 1))
	tap_title=$1
	shift
	tap_flags=$-
	set +e
	(
		# Not in a list with "||" or "if": that would switch "set -e" off inside.
		case $tap_flags in *e*) set -e ;; esac
		"$@"
	) > "$tap_notes" 2>&1
	tap_status=$?
	case $tap_flags in *e*) set -e ;; esac
	if [ "$tap_status" = 0 ]; then
		echo "ok $tap_number - $tap_title"
		return
	fi
	sed 's/^/# /' "$tap_notes"
	[ ! -s "${log-}" ] || tail -n 40 "$log" | sed 's/^/# /'
	echo "not ok $tap_number - $tap_title"
}

report_each() {
	for tap_check; do
		report "$(echo "$tap_check" | tr _ ' ')" "$tap_check"
	done
}

tap_end() {
	rm -f "$tap_notes"
	echo "1..$tap_number"
	echo "#> end $tap_name 0 0"
}
