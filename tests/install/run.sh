#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs, uses, upgrades and purges the packages on the plain machine, which boots twice
# with each kernel. The output is that of run-each.sh.
#
# usage: run.sh SERIES...
#
# On the first kernel, DKMS also builds for a kernel that does not run.

set -eu
# shellcheck source=../../scripts/root/lib.sh
. "$(dirname "$0")/../../scripts/root/lib.sh"
vm_dir=$top/scripts/vm

[ $# -gt 0 ] || die "usage: run.sh SERIES..."
work=$top/build/install
stage=$work/stage
tests=$stage/opt/ne-emu

# A version above all others.
next=99.0

make_packages() {
	for kind in old new; do
		version=
		[ $kind = old ] || version=$next
		say "making the packages $version"
		DEB_BUILD_OPTIONS=nocheck "$top/packaging/deb.sh" "$work/$kind" $version > /dev/null
	done
}

make_stage() {
	rm -rf "$stage"
	mkdir -p "$tests/packages"
	cp -r "$top/README.md" "$top/tests/lib" "$top/tests/install" "$tests/"
	cp -r "$top/debian/tests" "$tests/autopkgtest"
	for kind in old new; do
		mkdir "$tests/packages/$kind"
		for package in "" -dkms -guest; do
			cp "$work/$kind/nitro-enclaves-emu$package"_*.deb "$tests/packages/$kind/"
		done
	done
	tar -C "$stage" -c --owner=0 --group=0 --numeric-owner -f "$work/payload.tar" .
}

# boot PROGRAM... - boot and run programs of this directory in order; the disk keeps their
# changes. The first boot ends with figures of the installed packages.
boot() {
	boots=$((boots + 1))
	echo "Linux $series, boot $boots"
	programs=
	report=
	[ $boots != 1 ] || report="; /opt/ne-emu/install/lib/report.sh"
	for program; do
		programs="$programs /opt/ne-emu/install/$program.sh"
	done
	"$vm_dir/vm.sh" --kernel "$series" --machine "$machine" --timeout 2400 \
		--payload "$work/payload.tar" --log "$top/build/log/install-$series-$boots" \
		--command "/opt/ne-emu/lib/run-each.sh install-$series 1200$programs$report"
}

plain=$("$vm_dir/plain.sh")
make_packages
make_stage
machine=$(mktemp -d "$cache/plain-run-XXXXXX")
trap 'rm -rf "$machine"' EXIT
trap 'exit 130' INT TERM HUP
kernels=5_kernels
for series; do
	cp --sparse=always "$plain"/* "$machine/"
	boots=0
	echo "apt unpacks a compiler and DKMS compiles, maybe in software emulation: minutes"
	boot 1_install 2_use
	# shellcheck disable=SC2086 # nothing or a name
	boot 3_boot 4_upgrade $kernels 6_remove
	kernels=
done
