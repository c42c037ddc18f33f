#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Installs all packages with apt on a machine without any of their dependencies.

set -eu
# shellcheck source=lib/plain.sh
. "$(dirname "$0")/lib/plain.sh"

mok=/var/lib/dkms/mok

nothing_is_there() {
	[ ! -e "$device" ]
	for package in dkms gcc-14 libarchive13t64 libcbor0.10 libdeflate0 libnl-genl-3-200 \
		openssl; do
		fails installed_at_all "$package"
	done
	fails modinfo nitro_enclaves_emu
	fails getent group ne
	fails getent passwd ne-emu
}

installed_at_all() {
	[ -n "$(installed "$1" 2> /dev/null)" ]
}

apt_installs() {
	apt_ update
	apt_ install "$(headers_of "$kernel")" "$debs"/old/*.deb
	for package in "$tools" "$sources" "$guest"; do
		[ "$(installed "$package")" = "$old" ]
	done
}

# DKMS has made a key that only root can read, and the modules are signed with it; the
# running kernel does not require that.
modules_are_signed() {
	[ "$(stat -c '%a %U' "$mok".key)" = '600 root' ]
	serial=$(openssl x509 -inform DER -in "$mok".pub -noout -serial | sed 's/.*=//; s/../&:/g; s/:$//')
	for module in nitro_enclaves_emu ne_emu_vsock; do
		modinfo "$module" > "$tmp/modinfo"
		cat "$tmp/modinfo"
		grep -qix "sig_key: *$serial" "$tmp/modinfo"
		grep -q '^signer: *DKMS' "$tmp/modinfo"
		grep -qx 'sig_hashalgo: *sha\(256\|512\)' "$tmp/modinfo"
	done
}

# is_directory MODE OWNER:GROUP PATH
is_directory() {
	[ "$(stat -c '%F %a %U:%G' "$3")" = "directory $1 $2" ] || {
		stat "$3"
		return 1
	}
}

# nitro-cli expects the last two, with only its own files in them.
users_and_folders() {
	getent group ne
	getent passwd ne-emu | grep '/nologin$'
	is_directory 755 root:ne /run/ne-emu
	is_directory 755 root:root /var/lib/ne-emu
	is_directory 750 root:ne /var/log/ne-emu
	is_directory 775 root:ne /run/nitro_enclaves
	is_directory 775 root:ne /var/log/nitro_enclaves
	[ -z "$(find /run/nitro_enclaves /var/log/nitro_enclaves -mindepth 1)" ]
}

nothing_runs_yet() {
	[ "$(systemctl show -p LoadState --value ne-emud.service)" = loaded ]
	[ "$(systemctl is-active ne-emud.service)" = inactive ]
	[ ! -d /sys/module/nitro_enclaves_emu ]
	for folder in modprobe.d modules-load.d; do
		fails grep '^[^#]' /etc/"$folder"/nitro-enclaves-emu.conf
	done
	no_failed_units
}

# Starting it without the module does not fail and does nothing.
daemon_waits_for_the_module() {
	systemctl start ne-emud.service
	[ "$(systemctl is-active ne-emud.service)" = inactive ]
	[ "$(systemctl show -p ConditionResult --value ne-emud.service)" = no ]
}

programs_and_manuals() {
	ne-emu version | grep "$old"
	for program in ne-emu ne-emud ne-emu-ca; do
		command -v "$program"
	done
	gzip -dc /usr/share/man/man1/ne-emu.1.gz | grep -q 'ne-emu doctor'
	[ -e /usr/share/bash-completion/completions/ne-emu ] &&
		[ -e /usr/share/zsh/vendor-completions/_ne-emu ] &&
		[ -e /usr/share/fish/vendor_completions.d/ne-emu.fish ]
}

old=$(version_of old)
"$(dirname "$0")/lib/inventory.sh" > /var/tmp/inventory
check "nothing of it is there before" nothing_is_there
check "apt installs them, with DKMS, compiler and headers" apt_installs
check "DKMS has made both modules for the running kernel" dkms_has "$old" "$kernel"
check "the modules are signed with DKMS's key" modules_are_signed
check "group, user and directories" users_and_folders
check "nothing is loaded or started yet" nothing_runs_yet
check "ne-emud does not start without the module" daemon_waits_for_the_module
check "programs, manuals, completion" programs_and_manuals
finish
