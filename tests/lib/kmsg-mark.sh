#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes to the kernel log of the VM, for scan-log.sh, what a test does and which of our
# modules are loaded.
#
# usage: kmsg-mark.sh TEST begins|ends|TEXT

set -eu

loaded=
for module in nitro_enclaves_emu ne_emu_vsock; do
	[ ! -d "/sys/module/$module" ] || loaded="$loaded $module"
done
# A warning, because the console shows nothing below that level.
echo "<4>ne-emu-test: $1 $2, kernel $(uname -r), loaded:${loaded:- none}" \
	> "${NE_TEST_KMSG:-/dev/kmsg}"
