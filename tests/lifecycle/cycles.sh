#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Many enclaves one after the other: all their resources are released afterwards.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_host 80
need_daemon

# Unreclaimable kernel memory in KiB. Enclaves, backends and channels take more than 1 KiB
# each, so a leak of one per cycle would show.
unreclaimable() {
	meminfo SUnreclaim
}

# These enclaves end at once, because they have nothing to boot.
empty_cycles() {
	remember
	"$cycle" -n 50 -m 96 > "$tmp/lines" || {
		tail -n 3 "$tmp/lines"
		return 1
	}
	[ "$(grep -c '^hangup' "$tmp/lines")" = 50 ]
	[ "$(grep -c '^closed' "$tmp/lines")" = 50 ]
	same_as_before
}

booted_cycles() {
	need_image
	remember
	"$cycle" -n 5 -m 128 -i "$image" > "$tmp/lines" || {
		tail -n 3 "$tmp/lines"
		return 1
	}
	[ "$(grep -c '^heartbeat' "$tmp/lines")" = 5 ]
	same_as_before
}

chosen_cids() {
	"$cycle" -n 10 -m 96 -c 77
}

slab_stays() {
	"$cycle" -n 20 -m 96 > /dev/null	# caches fill
	before=$(unreclaimable)
	"$cycle" -n 200 -m 96 > /dev/null
	after=$(unreclaimable)
	echo "unreclaimable slab: $before KiB before, $after KiB after 200 cycles"
	[ $((after - before)) -lt 1000 ]
}

kmemleak() {
	file=/sys/kernel/debug/kmemleak
	mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
	[ -e "$file" ] || skip "the kernel has no kmemleak"
	# An object counts as leaked if two scans find it.
	echo scan > "$file"
	sleep 6
	echo scan > "$file"
	fails grep -A 20 -E 'ne_|nitro' "$file"
}

exit_records_stay_few() {
	[ "$(find "$log_folder" -mindepth 2 -maxdepth 2 -type d | wc -l)" -lt 150 ]
}

check "50 cycles without an image" empty_cycles
check "5 cycles with the sample image" booted_cycles
check "10 cycles with the same CID" chosen_cids
check "kernel memory after 200 cycles" slab_stays
check "directories of old enclaves are removed" exit_records_stay_few
check "kmemleak finds nothing of ours" kmemleak
finish
