#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Removes and purges the packages, and checks what is left.

set -eu
# shellcheck source=lib/plain.sh
. "$(dirname "$0")/lib/plain.sh"

# The client exits at the end of its enclave, or the module could not be unloaded.
removal_ends_enclaves() {
	run_detached --debug
	echo_works "$cid"
	apt_ remove "$tools"
	no_vmm
	fails pgrep -x ne-emu
	[ ! -d /sys/module/nitro_enclaves_emu ]
	grep -q '"reason": "admin-stop"' "/var/log/ne-emu/0/${id#enc}/exit.json"
	[ -s "$(module_for "$kernel" nitro_enclaves_emu)" ]
}

# Edited configuration is used again.
install_again() {
	apt_ install "$debs"/new/"$tools"_*.deb
	modprobe nitro_enclaves_emu
	wait_for 20 daemon_runs
}

apt_removes() {
	ne-emu setup --undo
	apt_ remove "$tools" "$sources" "$guest"
	[ ! -d /sys/module/nitro_enclaves_emu ]
	[ ! -e "$device" ]
	for file in /usr/bin/ne-emu /usr/sbin/ne-emud /usr/libexec/ne-emu /usr/share/ne-emu \
		/usr/src/nitro-*; do
		[ ! -e "$file" ]
	done
	[ -z "$(find /usr/lib/modules -name 'nitro_enclaves_emu*' -o -name 'ne_emu_vsock*')" ]
	fails modinfo nitro_enclaves_emu
	[ -z "$(dkms status)" ]
	systemctl daemon-reload
	[ "$(systemctl show -p LoadState --value ne-emud.service)" = not-found ]
	no_failed_units
}

# Configuration, logs and the root of attestation stay for a later installation.
remove_keeps_what_users_made() {
	grep -x nitro_enclaves_emu /etc/modules-load.d/"$tools".conf
	[ -n "$(find /var/lib/ne-emu -name '*.pem')" ]
	[ -n "$(ls /var/log/ne-emu)" ]
}

apt_purges() {
	apt_ purge "$tools" "$sources" "$guest"
	[ -z "$(dpkg-query -W -f '${Package}\n' 'nitro-enclaves-emu*' 2> /dev/null)" ]
}

# Permitted differences, with reasons.
expected() {
	grep -vE \
		-e '(user|group) ne-emu:' -e 'group ne:' `# documented: files elsewhere may be theirs` \
		-e 'file /var/lib/dkms(/mok\.(key|pub))?$' `# key of DKMS, for other modules too` \
		-e 'file /dev/vsock$' `# of the kernel, until the next boot`
}

# The content counts for configuration that existed before; new files have separate lines,
# unless other packages own them.
nothing_is_left() {
	userdel -r member 2> /dev/null
	userdel -r outsider 2> /dev/null
	"$(dirname "$0")/lib/inventory.sh" > "$tmp/inventory"
	awk 'NR == FNR { before[$1 " " $2] = 1; next }
		$1 != "etc" || $1 " " $2 in before' /var/tmp/inventory "$tmp/inventory" > "$tmp/now"
	diff /var/tmp/inventory "$tmp/now" | grep '^[<>]' | expected > "$tmp/left" || :
	cat "$tmp/left"
	[ ! -s "$tmp/left" ]
}

check "removal of the tools ends enclaves; the module goes" removal_ends_enclaves
check "they are installed again" install_again
check "apt removes them all; the module goes" apt_removes
check "configuration, logs and root of attestation stay" remove_keeps_what_users_made
check "apt purges them all" apt_purges
check "nothing is left" nothing_is_left
finish
