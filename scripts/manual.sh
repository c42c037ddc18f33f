#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the source of a manual. Replaces lines such as "@ne-emu options run" by what the
# program prints about its commands.
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
