#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# After the next boot of the same disk, everything starts automatically.

set -eu
# shellcheck source=lib/plain.sh
. "$(dirname "$0")/lib/plain.sh"

holder=/etc/systemd/system/kvm-holder.service

all_is_there() {
	[ -d /sys/module/nitro_enclaves_emu ]
	[ -d /sys/module/ne_emu_vsock ]
	wait_for 60 daemon_runs
	[ "$(stat -c '%a %U:%G' "$device")" = '660 root:ne' ]
	[ "$(stat -c '%a %U:%G' /run/nitro_enclaves)" = '775 root:ne' ]
	[ "$(stat -c '%a %U:%G' /run/ne-emu)" = '755 root:ne' ]
	no_failed_units
}

# The module is loaded by its unit only. The pages of the administrator are there as well.
setup_lasts() {
	systemctl status ne-emu-setup.service --no-pager
	grep '^[0-9]*,[0-9]*$\|^[0-9]*-[0-9]*$' "$pool_file"
	[ "$(meminfo HugePages_Total)" -ge "$memory" ]
	journalctl -q -b -o cat -u ne-emu-setup.service | grep '^huge pages: '
}

enclave_is_there() {
	wait_for 180 systemctl -q is-active ne-emu@boot.service || {
		journalctl -b -u ne-emu@boot.service -u ne-emud.service --no-pager
		return 1
	}
	ne-emu ps --json > "$tmp/ps"
	[ "$(json_value Name "$tmp/ps")" = boot ]
	id=$(json_value EnclaveID "$tmp/ps")
	echo_works "$(json_value EnclaveCID "$tmp/ps")"
	journalctl -q -b -o cat ENCLAVE_ID="$id" | grep "^$id: started"
	systemctl disable --now ne-emu@boot.service
	# Its process stays.
	[ ! -e "$holder" ] || systemctl disable kvm-holder
	rm -f "$holder"
	rm /etc/ne-emu/enclaves/boot.conf
	wait_for 10 no_vmm
}

# Back to what the administrator has configured; the next boot reserves nothing.
undone() {
	ne-emu setup --undo
	[ -z "$(cat "$pool_file")" ]
	[ "$(meminfo HugePages_Total)" = 16 ]
	[ ! -e /etc/ne-emu/setup.conf ]
	systemctl restart ne-emu-setup.service
	[ "$(systemctl show -p ConditionResult --value ne-emu-setup.service)" = no ]
	[ -z "$(cat "$pool_file")" ]
	rm /etc/sysctl.d/50-plain.conf
	echo 0 > /proc/sys/vm/nr_hugepages
}

# For later programs.
load_at_boot() {
	sed -i 's/^#nitro_enclaves_emu/nitro_enclaves_emu/' /etc/modules-load.d/"$tools".conf
	grep -x nitro_enclaves_emu /etc/modules-load.d/"$tools".conf
}

# The root is the same as before, since it is on the disk.
root_is_the_same() {
	ne-emu attest root > "$tmp/root"
	cmp "$tmp/root" /var/tmp/root.pem
}

logs_are_kept() {
	ne-emu logs --list | grep enc
}

check "module, device and ne-emud are there" all_is_there
hold_kvm
check "the setup is that of the last boot" setup_lasts
check "the enclave of a unit has started" enclave_is_there
check "undone: what was there before, and nothing at the next boot" undone
check "load the module at each boot" load_at_boot
check "the root of attestation is that of the last boot" root_is_the_same
check "logs of the last boot are kept" logs_are_kept
ne-emu setup --cpus 4 --memory $((memory * 2)) > /dev/null
check "an enclave: heartbeat, console, vsock, stop" whole_life
finish
