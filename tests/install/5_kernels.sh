#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# DKMS and another kernel, whose headers are installed later.

set -eu
# shellcheck source=lib/plain.sh
. "$(dirname "$0")/lib/plain.sh"

version=$(installed "$sources")
other=$(awk -v running="$kernel" '$2 != running { print $2; exit }' /usr/share/ne-emu-kernels)

headers_bring_modules() {
	[ -z "$(module_for "$other" nitro_enclaves_emu)" ]
	apt_ install "$(headers_of "$other")"
	dkms_has "$version" "$other"
	modinfo -k "$other" -F vermagic nitro_enclaves_emu | grep "^$other "
	modinfo -k "$other" -F sig_key nitro_enclaves_emu | grep :
	dkms_has "$version" "$kernel"
}

check "headers of another kernel: DKMS makes its modules" headers_bring_modules
finish
