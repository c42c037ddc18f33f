#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints how slow this machine currently is, from 1 to 6 times as slow as an idle one with
# emulated CPUs, measured by the time in which a shell counts. Tests multiply their time limits
# by this factor (NE_SLOWNESS), because the host may be busy.
#
# With more than 6, "at once" would no longer mean much.

set -eu

COUNT=20000
# Time for that on an idle machine with two processors at 2.5 GHz, in software emulation.
USUAL_MS=400

now_ms() {
	awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime
}

begin=$(now_ms)
i=0
while [ "$i" -lt "$COUNT" ]; do
	i=$((i + 1))
done
slowness=$((($(now_ms) - begin + USUAL_MS - 1) / USUAL_MS))
[ "$slowness" -ge 1 ] || slowness=1
[ "$slowness" -le 6 ] || slowness=6
echo "$slowness"
