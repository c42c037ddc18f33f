#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Looks for kernel complaints in logs: exits 1 and shows them when there are any.
#
# usage: scan-log.sh FILE...

set -eu

complaints='WARNING:|BUG:|Oops|lockdep|[Ll]eaked|blocked for more than'
complaints="$complaints|general protection fault|refcount_t|KASAN|UBSAN|KCSAN"
complaints="$complaints|soft lockup|rcu.*detected stall|unreferenced object"
complaints="$complaints|circular locking|Kernel panic|Call Trace:"

grep -h -n -E -A 25 "$complaints" "$@" > /dev/null || exit 0
echo "the kernel log holds a complaint:"
grep -h -E -A 25 "$complaints" "$@" | head -n 60
exit 1
