#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes what a target of the top Makefile needs, step by step, and says what the last step,
# the target itself, is. The messages of package managers and compilers go to
# build/log/prepare. What is there already takes no time.
#
# usage: prepare.sh demo|vm|check|bench|deb

set -eu
# shellcheck source=root/lib.sh
. "$(dirname "$0")/root/lib.sh"

logs=$top/build/log/prepare

# all_steps TARGET - a line "NAME|WHAT" for each step; the last one has no name
all_steps() {
	cat <<-'END'
	build|compilers, kernels and their headers from Debian (the first time: 4 minutes)
	END
	case $1 in
	demo | vm | check | bench)
		cat <<-'END'
		kernel|the enclave kernel (the first time: 12 minutes on two cores)
		vm|the system of the VM from Debian (the first time: 2 minutes)
		END
		;;
	deb) echo 'deb|tools for packages from Debian (the first time: 2 minutes)' ;;
	esac
	case $1 in
	demo | vm) echo 'payload|programs, modules and the sample image (1 minute)' ;;
	esac
	case $1 in
	demo) echo '|the demo, in a VM (1 to 2 minutes in software emulation)' ;;
	vm) echo '|the VM (it boots in 20 seconds in software emulation)' ;;
	check) echo '|the tests (40 to 50 minutes on two cores in software emulation)' ;;
	bench) echo '|the benchmarks (each takes 2 to 20 minutes in software emulation)' ;;
	deb) echo '|the packages (1 to 2 minutes; all messages are in build/deb.log)' ;;
	esac
}

make_it() {
	case $1 in
	kernel) "$top/image/kernel.sh" ;;
	payload) "$top/scripts/vm/payload.sh" "$top/build/vm" ;;
	*) "$root_dir/mkroot.sh" "$1" ;;
	esac
}

# make_quietly NAME
make_quietly() {
	make_it "$1" > "$logs/$1" 2>&1 || {
		tail -n 30 "$logs/$1" >&2
		die "step \"$1\" failed; all its messages are in $logs/$1"
	}
}

target=${1:?usage: prepare.sh TARGET}
mkdir -p "$logs"
plan=$(all_steps "$target")
total=$(echo "$plan" | wc -l)
number=0
# The steps must not read the plan.
while IFS='|' read -r name what <&3; do
	number=$((number + 1))
	say "step $number of $total: $what"
	[ -z "$name" ] || make_quietly "$name" 3<&-
done 3<<END
$plan
END
