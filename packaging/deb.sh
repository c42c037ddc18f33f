#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the Debian packages in a separate Debian root.
#
# usage: deb.sh DIRECTORY [VERSION]
#
# VERSION replaces the one in the file VERSION, to test upgrades.

set -eu
# shellcheck source=../scripts/root/lib.sh
. "$(dirname "$0")/../scripts/root/lib.sh"

out=${1:?usage: deb.sh DIRECTORY [VERSION]}
mkdir -p "$out"
# shellcheck disable=SC2016 # expanded by the inner shell
"$root_dir/enter.sh" --root deb sh -eu -c '
	out=$1 old=$(cat VERSION)
	new=${2:-$old}
	mkdir /tmp/source
	tar -c --exclude=./build --exclude=./.git . | tar -x -C /tmp/source
	cd /tmp/source
	echo "$new" > VERSION
	sed -i "s/^PACKAGE_VERSION=.*/PACKAGE_VERSION=\"$new\"/" dkms.conf
	sed -i "1s/(.*)/($new)/" debian/changelog
	dpkg-buildpackage --build=binary --no-sign --no-check-builddeps -j2
	rm -f "$out"/*
	cp ../*.deb ../*.buildinfo ../*.changes "$out/"
' - "$out" "${2-}" > "$out.log" 2>&1 || {
	tail -n 40 "$out.log" >&2
	die "no packages; all messages are in $out.log"
}
ls "$out"/*.deb
