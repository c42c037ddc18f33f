#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2317,SC2329 # no such file yet; called by check
# Upgrades all packages while an enclave runs.

set -eu
# shellcheck source=lib/plain.sh
. "$(dirname "$0")/lib/plain.sh"

# program PID - print the file it runs, with " (deleted)" after the package replaced it
program() {
	readlink "/proc/$1/exe"
}

start_before() {
	run_detached --debug --cpus 2
	echo_works "$cid"
	kept_id=$id kept_cid=$cid kept_vmm=$(vmm_pids) kept_daemon=$(daemon_pid)
	declare_kept
}

# Each case runs in its own subshell.
declare_kept() {
	echo "kept_id=$kept_id kept_cid=$kept_cid kept_vmm=$kept_vmm kept_daemon=$kept_daemon" \
		> "$tmp/kept"
}

apt_upgrades() {
	apt_ install "$debs"/new/*.deb
	for package in "$tools" "$sources" "$guest"; do
		[ "$(installed "$package")" = "$new" ]
	done
	fails grep . /etc/modprobe.d/*.dpkg-* /etc/modules-load.d/*.dpkg-*
	no_failed_units
}

dkms_is_renewed() {
	dkms_has "$new" "$kernel"
	[ -z "$(dkms status "$tools/$old")" ]
	[ ! -e /usr/src/"$tools"-"$old" ]
}

edited_configuration_stays() {
	grep -x nitro_enclaves_emu /etc/modules-load.d/"$tools".conf
}

enclave_lives_on() {
	. "$tmp/kept" # of start_before
	[ "$(vmm_pids)" = "$kept_vmm" ]
	program "$kept_vmm" | grep ' (deleted)$'
	ne-emu ps > "$tmp/ps"
	grep "^$kept_id .*running" "$tmp/ps" || {
		cat "$tmp/ps"
		return 1
	}
	echo_works "$kept_cid"
	id=$kept_id
	console_shows
}

daemon_is_the_new_one() {
	. "$tmp/kept" # of start_before
	daemon_runs
	[ "$(daemon_pid)" != "$kept_daemon" ]
	[ "$(program "$(daemon_pid)")" = /usr/sbin/ne-emud ]
	ne-emu version | grep "$new"
}

# The loaded module keeps running; doctor shows how to switch to the new one.
new_enclave_beside_it() {
	. "$tmp/kept" # of start_before
	[ "$(cat /sys/module/nitro_enclaves_emu/version)" = "$old" ]
	run_detached --debug --cpus 2
	[ "$(vmm_pids | wc -l)" = 2 ]
	for pid in $(vmm_pids); do
		[ "$pid" = "$kept_vmm" ] ||
			[ "$(program "$pid")" = /usr/libexec/ne-emu/ne-emu-vmm ]
	done
	echo_works "$cid"
	console_shows
	ne-emu stop "$id"
	doctor_says warn module 'modprobe -r nitro_enclaves_emu && sudo modprobe nitro_enclaves_emu'
	echo_works "$kept_cid"
}

# Maintainer scripts can be repeated, also while an enclave runs.
configure_again() {
	. "$tmp/kept" # of start_before
	dpkg-reconfigure "$tools"
	dpkg-reconfigure "$sources"
	apt_ install --reinstall "$debs"/new/"$tools"_*.deb
	daemon_runs
	dkms_has "$new" "$kernel"
	echo_works "$kept_cid"
	no_failed_units
}

enclave_ends() {
	. "$tmp/kept" # of start_before
	timeout 60 ne-emu stop "$kept_id"
	wait_for 10 no_vmm
	ne-emu logs "$kept_id" 2> /dev/null | grep -a -q 'Linux version'
}

new_module() {
	modprobe -r nitro_enclaves_emu
	modprobe nitro_enclaves_emu
	wait_for 20 daemon_runs
	[ "$(cat /sys/module/nitro_enclaves_emu/version)" = "$new" ]
	ne-emu setup --cpus 2 --memory $((memory * 2))
	doctor_says ok module "$new"
	whole_life
}

old=$(version_of old)
new=$(version_of new)
check "an enclave runs" start_before
check "apt upgrades the packages" apt_upgrades
check "DKMS has the new version, and no other" dkms_is_renewed
check "edited configuration stays" edited_configuration_stays
check "the enclave lives on: process, vsock, console" enclave_lives_on
check "ne-emud is the new one" daemon_is_the_new_one
check "a new enclave beside it runs with the new program" new_enclave_beside_it
check "configured and installed again while it runs" configure_again
check "it ends on command; its log is kept" enclave_ends
check "the new module, loaded anew" new_module
finish
