#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the Debian packages in a separate Debian root.
#
# usage: deb.sh DIRECTORY [VERSION]
#
# VERSION replaces the one in the file VERSION, to test upgrades. DEB_BUILD_OPTIONS=nocheck
# leaves out the unit tests.

set -eu
# shellcheck source=../scripts/root/lib.sh
. "$(dirname "$0")/../scripts/root/lib.sh"

out=${1:?usage: deb.sh DIRECTORY [VERSION]}
mkdir -p "$out"

# versions ROOT - what the bytes of the enclave kernel depend on, apart from this tree
versions() {
	root=$("$root_dir/mkroot.sh" "$1")
	for package in "$source_package" gcc-14 binutils; do
		version "$package"
	done
}

# debian/rules builds the kernel, but takes a ready one with the same bytes.
kernel=
[ "$(versions deb)" != "$(versions build)" ] || kernel=$("$top/image/kernel.sh")

# shellcheck disable=SC2016 # expanded by the inner shell
"$root_dir/enter.sh" --root deb sh -eu -c '
	out=$1 ENCLAVE_KERNEL=$3 old=$(cat VERSION)
	export DEB_BUILD_OPTIONS=$4
	[ -z "$ENCLAVE_KERNEL" ] || export ENCLAVE_KERNEL
	new=${2:-$old}
	mkdir /tmp/source
	tar -c --exclude=./build --exclude=./compile_commands.json --exclude=./.git . | tar -x -C /tmp/source
	cd /tmp/source
	echo "$new" > VERSION
	sed -i "s/^PACKAGE_VERSION=.*/PACKAGE_VERSION=\"$new\"/" dkms.conf
	sed -i "1s/(.*)/($new)/" debian/changelog
	dpkg-buildpackage --build=full --no-sign --no-check-builddeps -j2
	rm -f "$out"/*
	cp ../*.dsc ../*.tar.xz ../*.deb ../*.buildinfo ../*.changes "$out/"
' - "$out" "${2-}" "$kernel" "${DEB_BUILD_OPTIONS-}" > "$out.log" 2>&1 || {
	tail -n 40 "$out.log" >&2
	die "no packages; all messages are in $out.log"
}
ls "$out"/*.deb
