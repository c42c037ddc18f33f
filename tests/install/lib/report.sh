#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints figures of the installed packages: sizes, and the exposure of the service.

set -eu

for package in nitro-enclaves-emu nitro-enclaves-emu-dkms nitro-enclaves-emu-guest; do
	file=$(find /opt/ne-emu/packages/old -name "${package}_*.deb")
	echo "$package: $(($(stat -c %s "$file") / 1024)) KiB," \
		"installed $(dpkg-query -W -f '${Installed-Size}' $package) KiB"
done
systemd-analyze security --no-pager ne-emud.service | tail -n 1
