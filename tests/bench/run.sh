#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the benches of this directory one after the other and sums up. Each says in its
# first lines where it runs:
#
# "# Runs: root" - in the build root
# "# Runs: vm"   - in the VM, as /opt/ne-emu/bench/NAME.sh
#
# A line "# Peer: CRATE" asks for that program of the Rust crate registry, in
# /opt/ne-emu/bin; where the registry cannot be reached, the bench does without it.
#
# It prints its figures, and fails when one is worse than it has to be.
#
# usage: run.sh [NAME]... - NAME.sh; without any, all of them
#
# KERNEL=SERIES chooses that of the VM, a line of scripts/root/kernels. All output is in
# build/log/bench.

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

# header NAME FIELD - "# FIELD: value" of the first lines
header() {
	head -n 6 "$here/$1.sh" | sed -n "s/^# $2: //p"
}

# The payload, and the peer that the bench asks for.
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

# bench NAME - leaves a line for the summary
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
