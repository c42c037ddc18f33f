#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Runs checkers on the packages and installed files. TAP on stdout; runs in the deb root,
# after "make deb".
#
# usage: run.sh PACKAGES_DIR

set -u
# shellcheck source=../lib/case.sh
. "$(dirname "$0")/../lib/case.sh"

packages=${1:?usage: run.sh PACKAGES_DIR}
# Limit of "systemd-analyze security", times 10: the services drop what they do not need.
exposure_max=30
unit_names='ne-emud.service ne-emu-setup.service ne-emu@.service'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
host=$work/host
for package in nitro-enclaves-emu nitro-enclaves-emu-guest; do
	dpkg-deb -x "$packages/${package}"_*_amd64.deb "$host"
done
units=$host/usr/lib/systemd/system

# Source and binary packages.
debian_packages() {
	lintian --fail-on error,warning,info --tag-display-limit 0 --allow-root \
		"$packages"/*.changes
}

# The programs of the units are in their places, and their manuals exist.
systemd_units() {
	mkdir -p "$work/units"
	for unit in $unit_names; do
		sed "s,^ExecStart=/,&$host/,; s,//*,/,g" "$units/$unit" > "$work/units/$unit"
	done
	for unit in $unit_names; do
		MANPATH=$host/usr/share/man systemd-analyze verify "$work/units/$unit" || return 1
	done
}

exposure_of_the_services() {
	for unit in $unit_names; do
		systemd-analyze security --offline=true --threshold="$exposure_max" \
			"$units/$unit" > "$work/security"
		status=$?
		tail -n 1 "$work/security" | sed 's/^/# /' >&3
		[ "$status" = 0 ] || {
			cat "$work/security"
			return 1
		}
	done
}

# The group comes from sysusers.d and does not exist here.
udev_rules() {
	udevadm verify --resolve-names=late "$host"/usr/lib/udev/rules.d/*
}

sysusers_and_tmpfiles() {
	mkdir -p "$work/root/etc" "$work/root/usr/lib"
	cp -r "$host/usr/lib/sysusers.d" "$host/usr/lib/tmpfiles.d" "$work/root/usr/lib/"
	systemd-sysusers --root="$work/root" ne-emu.conf &&
		systemd-tmpfiles --root="$work/root" --create ne-emu.conf &&
		[ "$(stat -c %a "$work/root/var/log/ne-emu")" = 750 ] &&
		grep '^ne:' "$work/root/etc/group"
}

# scdoc leaves such macros behind, which have no effect.
manuals() {
	for page in "$host"/usr/share/man/*/*.gz; do
		gzip -dc "$page" > "$work/${page##*/}"
		mandoc -T lint -W warning "$work/${page##*/}"
	done | grep -v 'WARNING: skipping paragraph macro: '
	[ $? = 1 ]
}

rpm_packages() {
	packaging/rpm.sh "$work/rpm" "$host/usr/share/ne-emu/bzImage" > "$work/rpm.log" 2>&1 || {
		tail -n 40 "$work/rpm.log"
		return 1
	}
	while read -r _ kernel; do
		for module in nitro_enclaves_emu ne_emu_vsock; do
			file=$(find "$work/rpm" -path "*/BUILDROOT/*/$kernel/extra/*/$module.ko")
			modinfo -F vermagic "$file" | grep "^$kernel " || return 1
		done
	done < /usr/share/ne-emu-kernels
	rpmlint --strict -c packaging/rpm/rpmlintrc.toml packaging/rpm/*.spec \
		"$work"/rpm/RPMS/x86_64/*.rpm
}

# Without a configuration, as GitHub and the kernel's tools read the pages.
documentation() {
	sphinx-build -C -D root_doc=index -W --keep-going -q -b dummy -d "$work/doctrees" \
		Documentation "$work/documentation"
}

licences() {
	tar -c --exclude=./build --exclude=./compile_commands.json --exclude=./.git . | (mkdir "$work/tree" && tar -x -C "$work/tree")
	reuse --root "$work/tree" lint
}

completions() {
	for program in ne-emu ne-emu-ca ne-emud; do
		bash -n "$host/usr/share/bash-completion/completions/$program" &&
			zsh -n "$host/usr/share/zsh/vendor-completions/_$program" &&
			[ -s "$host/usr/share/fish/vendor_completions.d/$program.fish" ] ||
			return 1
	done
}

exec 3>&1
begin lint/packages
check_each debian_packages rpm_packages systemd_units exposure_of_the_services udev_rules \
	sysusers_and_tmpfiles manuals documentation licences completions
finish
