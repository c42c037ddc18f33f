#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fuzzes one target: compiles it in the fuzz root and searches for new inputs.
#
# usage: run.sh TARGET SECONDS
#
# TARGET is the name of a directory in corpus. New inputs go to build/fuzz/TARGET, and inputs
# that crash it to build/fuzz/crash-*.

set -eu
# shellcheck source=../../scripts/root/lib.sh
. "$(dirname "$0")/../../scripts/root/lib.sh"

[ $# = 2 ] || die "usage: run.sh TARGET SECONDS"
target=$1 seconds=$2
corpus=$top/tests/fuzz/corpus/$target
[ -e "$top/tests/fuzz/fuzz_$target.c" ] ||
	die "no target $target; there are:" \
		"$(cd "$top/tests/fuzz" && echo fuzz_*.c | sed 's/fuzz_//g; s/\.c//g')"
out=$top/build/fuzz
mkdir -p "$out/$target"
# shellcheck disable=SC2016 # expanded by the inner shell
"$root_dir/enter.sh" --root fuzz sh -eu -c '
	make -s -j 2 -C tests/fuzz O="$1" fuzz
	cd "$1"
	exec nice -n 19 "fuzz/fuzz_$2" -max_total_time="$3" -timeout=60 -rss_limit_mb=2048 \
		-artifact_prefix="crash-$2-" -print_final_stats=1 "$1/$2" "$4"
' - "$out" "$target" "$seconds" "$corpus"
