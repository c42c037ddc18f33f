#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The source of a manual, with what programs say about their commands in place of lines
# such as "@ne-emu options run".
#
# usage: manual.sh PROGRAMS_DIR < SOURCE

set -eu

while IFS= read -r line; do
	case $line in
	@*)
		program=${line%% *}
		# shellcheck disable=SC2086 # several words
		"$1/${program#@}" --manual ${line#* }
		;;
	*) printf '%s\n' "$line" ;;
	esac
done
