#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints how slow this machine is now, as a multiple of an idle one with emulated CPUs:
# 1 to 6, by the time that a shell takes to count. Tests multiply their limits by it
# (NE_SLOWNESS): the host may have other things to do than to run the VM.
#
# More than 6 would loosen what tests mean by "at once".

set -eu

COUNT=20000
# What that takes on an idle machine of two processors at 2.5 GHz, in software emulation.
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
