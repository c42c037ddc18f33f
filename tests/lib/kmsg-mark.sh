#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Notes in the kernel log, in the VM, which test does what and which modules of ours are
# loaded, for scan-log.sh.
#
# usage: kmsg-mark.sh TEST begins|ends|TEXT

set -eu

loaded=
for module in nitro_enclaves_emu ne_emu_vsock; do
	[ ! -d "/sys/module/$module" ] || loaded="$loaded $module"
done
# A warning, since the console shows nothing less.
echo "<4>ne-emu-test: $1 $2, kernel $(uname -r), loaded:${loaded:- none}" \
	> "${NE_TEST_KMSG:-/dev/kmsg}"
