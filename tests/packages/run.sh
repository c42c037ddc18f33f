#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# DKMS with the sources that "make dkms-tree" installs, for all kernels of the VM. TAP on
# stdout; runs in the deb root, in separate trees.

set -u
# shellcheck source=../lib/case.sh
. "$(dirname "$0")/../lib/case.sh"

name=nitro-enclaves-emu
version=$(cat VERSION)
kernels=$(sed 's/^[^ ]* //' /usr/share/ne-emu-kernels)
modules="nitro_enclaves_emu ne_emu_vsock"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log
installed=$work/lib/modules

# The tree from which the sources were copied is not accessible.
run_dkms() {
	(cd / && env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin dkms "$@" --dkmstree "$work/dkms" \
		--sourcetree "$work/src" --installtree "$installed") > "$log" 2>&1 || {
		status=$?
		find "$work/dkms" -name make.log -exec tail -n 20 {} + >> "$log" 2> /dev/null
		return "$status"
	}
}

adds() {
	mkdir -p "$work/dkms" "$installed"
	make -s srcdir="$work/src" dkms-tree > "$log" 2>&1 &&
		! find "$work/src" -name '*kunit*' | grep . &&
		run_dkms add "$name/$version" &&
		run_dkms status "$name/$version" && grep -q "$version: added" "$log"
}

builds() {
	mkdir -p "$installed/$1"
	ln -s "/lib/modules/$1/build" "$installed/$1/build"
	cp "/lib/modules/$1"/modules.* "$installed/$1/"
	run_dkms build "$name/$version" -k "$1" &&
		run_dkms install "$name/$version" -k "$1" &&
		run_dkms status "$name/$version" &&
		grep -q "$version, $1, x86_64: installed\$" "$log"
}

# Each module matches its kernel and is signed with the key of DKMS.
installed_modules_are_right() {
	for module in $modules; do
		file=$(find "$installed/$1/updates/dkms" -name "$module.ko*")
		modinfo "$file" > "$log" || return 1
		grep -qx "name: *$module" "$log" &&
			grep -qx "version: *$version" "$log" &&
			grep -q "^vermagic: *$1 " "$log" &&
			grep -q '^sig_key: ' "$log" || return 1
	done
	# They do not replace the driver for EC2, which stays in its place.
	! grep -i 'original module' "$work/dkms/$name/$version/$1/x86_64/log/make.log"
}

# A kernel that is too old or too new: status 77, which autoinstall treats as a skip.
is_passed_over() {
	run_dkms build "$name/$version" -k "$1" --kernelsourcedir "/lib/modules/$2/build"
	[ $? = 77 ]
}

removes() {
	run_dkms remove "$name/$version" --all &&
		[ -z "$(find "$installed" -name '*.ko*')" ] &&
		[ ! -e "$work/dkms/$name" ]
}

begin packages/dkms
check "add from the sources alone" adds
for kernel in $kernels; do
	check "build and install for $kernel" builds "$kernel"
	check "modules for $kernel" installed_modules_are_right "$kernel"
done
for other in 6.1.0-49-amd64 6.11.0-1-amd64 7.4.1-cloud-amd64; do
	check "$other is passed over" is_passed_over "$other" "$kernel"
done
check "remove leaves nothing" removes
finish
