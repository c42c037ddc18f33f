#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the benchmarks in this directory one after the other and sums up. The first lines of
# each state where it runs:
#
# "# Runs: root" - in the build root
# "# Runs: vm"   - in the VM, as /opt/ne-emu/bench/NAME.sh
#
# A line "# Peer: CRATE" requests a program from the Rust crate registry, in /opt/ne-emu/bin.
# If the registry cannot be reached, the benchmark runs without it.
#
# A benchmark prints its figures and fails if one exceeds its limit.
#
# usage: run.sh [NAME]... - run NAME.sh; default: all
#
# KERNEL=SERIES selects the kernel of the VM, a line of scripts/root/kernels. All output is
# in build/log/bench.

set -eu
# shellcheck source=../../scripts/root/lib.sh
. "$(dirname "$0")/../../scripts/root/lib.sh"
# shellcheck source=../lib/peer.sh
. "$top/tests/lib/peer.sh"
vm_dir=$top/scripts/vm

here=$top/tests/bench
logs=$top/build/log/bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$logs"

# header NAME FIELD - print the value of "# FIELD: value" in the first lines
header() {
	head -n 6 "$here/$1.sh" | sed -n "s/^# $2: //p"
}

# Make the payload, with the peer that the benchmark requests.
make_payload() {
	"$vm_dir/payload.sh" "$top/build/vm" &&
		cp "$top/build/vm/payload.tar" "$work/payload.tar" || return
	crate=$(header "$1" Peer)
	[ -n "$crate" ] || return 0
	peer=$(ask_for_peer "$logs/$1-peer.log" \
		"$top/tests/lib/crate-peer.sh" "$crate")
	case $peer in
	/*)
		tar -C "$peer" -r --owner=0 --group=0 --transform 's,^,./opt/ne-emu/bin/,' \
			-f "$work/payload.tar" "$crate"
		;;
	*)
		echo "without $crate: ${peer#*: }"
		[ "${peer%%:*}" = skip ]
		;;
	esac
}

in_vm() {
	make_payload "$1" &&
		"$vm_dir/vm.sh" ${KERNEL:+--kernel "$KERNEL"} --timeout 3600 \
			--payload "$work/payload.tar" --log "$logs/$1" \
			--command "NE_TEST_BIN=/opt/ne-emu/bin /opt/ne-emu/bench/$1.sh"
}

in_root() {
	"$root_dir/enter.sh" "$here/$1.sh"
}

# bench NAME - run it and add a line to the summary
bench() {
	printf '\n== %s\n' "$1"
	{
		"in_$(header "$1" Runs)" "$1" 2>&1 || echo $? > "$work/status"
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
	case $(header "$name" Runs) in
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
