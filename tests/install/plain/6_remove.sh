#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Removal and purge, and what is left then.

set -eu
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

apt_removes() {
	ne-emu setup --undo
	apt_ remove "$tools" "$sources"
	[ ! -d /sys/module/nitro_enclaves_emu ]
	[ ! -e "$device" ]
	for file in /usr/bin/ne-emu /usr/sbin/ne-emud /usr/libexec/ne-emu /usr/src/nitro-*; do
		[ ! -e "$file" ]
	done
	[ -z "$(find /usr/lib/modules -name 'nitro_enclaves_emu*' -o -name 'ne_emu_vsock*')" ]
	fails modinfo nitro_enclaves_emu
	[ -z "$(dkms status)" ]
	systemctl daemon-reload
	[ "$(systemctl show -p LoadState --value ne-emud.service)" = not-found ]
	no_failed_units
}

# Configuration, logs and the root of attestation are for a later installation.
remove_keeps_what_users_made() {
	grep -x nitro_enclaves_emu /etc/modules-load.d/"$tools".conf
	[ -n "$(find /var/lib/ne-emu -name '*.pem')" ]
	[ -n "$(ls /var/log/ne-emu)" ]
}

apt_purges() {
	apt_ purge "$tools" "$sources"
	[ -z "$(dpkg-query -W -f '${Package}\n' 'nitro-enclaves-emu*' 2> /dev/null)" ]
}

# What may differ, and why.
expected() {
	grep -vE \
		-e '^(user|group) ne-emu:' -e '^group ne:' `# documented: their numbers are on files` \
		-e '^file (/usr/share/man/man1|/usr/bin|/etc/alternatives)/(cc|c89|c99|c\+\+|cpp|fakeroot|faked|rcp)' \
		-e '^file /var/lib/dkms(/mok\.(key|pub))?$' `# key of DKMS, for other modules too`
}

nothing_is_left() {
	userdel -r member 2> /dev/null
	userdel -r outsider 2> /dev/null
	"$(dirname "$0")/inventory.sh" > "$tmp/inventory"
	diff /var/tmp/inventory "$tmp/inventory" | grep '^[<>]' | sed 's/^\(.\) /\1/' > "$tmp/diff" || :
	sed 's/^[<>]//' "$tmp/diff" | expected > "$tmp/left" || :
	[ ! -s "$tmp/left" ] || {
		cat "$tmp/diff"
		return 1
	}
}

check "apt removes both; the module goes" apt_removes
check "configuration, logs and root of attestation stay" remove_keeps_what_users_made
check "apt purges both" apt_purges
check "nothing is left" nothing_is_left
finish
