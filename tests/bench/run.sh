#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the benches of this folder one after the other and sums up. Each says in its
# first lines where it runs:
#
# "# Runs: root" - in the build root
# "# Runs: vm"   - in the VM, as /opt/ne-emu/bench/NAME.sh
#
# It prints its figures, and fails when one is worse than it has to be.
#
# usage: run.sh [NAME]... - NAME.sh; without any, all of them
#
# KERNEL=6.12 or 7.3 chooses that of the VM. All output is in build/log/bench.

set -eu
# shellcheck source=../vm/lib.sh
. "$(dirname "$0")/../vm/lib.sh"

vm_dir=$top/tests/vm
here=$top/tests/bench
logs=$top/build/log/bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$logs"

# place NAME - "root", "vm" or nothing
place() {
	head -n 5 "$here/$1.sh" | sed -n 's/^# Runs: //p'
}

in_vm() {
	"$vm_dir/payload.sh" "$top/build/vm" &&
		"$vm_dir/vm.sh" ${KERNEL:+--kernel "$KERNEL"} --timeout 3600 \
			--payload "$top/build/vm/payload.tar" --log "$logs/$1" \
			--command "NE_TEST_BIN=/opt/ne-emu/bin /opt/ne-emu/bench/$1.sh"
}

in_root() {
	"$vm_dir/enter.sh" "$here/$1.sh"
}

# bench NAME - leaves a line for the summary
bench() {
	printf '\n== %s\n' "$1"
	{
		"in_$(place "$1")" "$1" 2>&1 || echo $? > "$work/status"
	} | tee "$logs/$1.log"
	if [ -e "$work/status" ]; then
		rm "$work/status"
		echo "$1 FAILED, see build/log/bench/$1.log" >> "$work/summary"
	else
		echo "$1 ok" >> "$work/summary"
	fi
}

[ $# -gt 0 ] || for script in "$here"/*.sh; do
	name=${script##*/}
	[ "$name" = run.sh ] || set -- "$@" "${name%.sh}"
done
for name; do
	[ -x "$here/$name.sh" ] || die "there is no bench $name"
	case $(place "$name") in
	root | vm) ;;
	*) die "$name.sh has no line \"# Runs: root\" or \"# Runs: vm\"" ;;
	esac
done
for name; do
	bench "$name"
done
printf '\n== summary\n'
cat "$work/summary"
! grep -q ' FAILED' "$work/summary"
