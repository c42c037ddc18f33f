#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Looks for kernel complaints in logs: exits 1 and shows them when there are any.
#
# usage: scan-log.sh FILE...

set -eu

complaints='WARNING:|BUG:|Oops|lockdep is turned off|[Ll]eaked|blocked for more than'
complaints="$complaints|general protection fault|refcount_t|KASAN|UBSAN|KCSAN"
complaints="$complaints|soft lockup|rcu.*detected stall|unreferenced object"
complaints="$complaints|circular locking|Kernel panic|Call Trace:"

# Of the topology "nodes": the emulated CPU does not tell which cores share a cache,
# so Linux takes all of a package, and warns once at boot that this spans two nodes.
# After "Power down": a slow emulated CPU that still runs may complain about those that do
# not.
# Of fault injection: memory refused to a page fault, which the kernel tries again.
lines() {
	sed -s -e '/\] reboot: Power down/,$d' \
		-e '/WARNING: .* topology_sane/,/end trace/d' -e '/VM_FAULT_OOM leaked out/d' "$@"
}

lines "$@" | grep -E -A 25 "$complaints" > /dev/null || exit 0
echo "the kernel log holds a complaint:"
lines "$@" | grep -E -A 25 "$complaints" | head -n 60
exit 1
