#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds RPM packages of the programs, and compiles and installs the modules with the
# other spec file. Runs in a Debian root, which has neither Fedora's systemd macros nor
# kmodtool: this script defines what they expand to.
#
# usage: rpm.sh DIRECTORY ENCLAVE_KERNEL

set -eu

usage="usage: rpm.sh DIRECTORY ENCLAVE_KERNEL"
out=${1:?$usage} enclave_kernel=${2:?$usage}
version=$(cat VERSION)
name=nitro-enclaves-emu
specs=$PWD/packaging/rpm
kernels=$(sed 's/^[^ ]* //' /usr/share/ne-emu-kernels)

mkdir -p "$out/SOURCES"
tar -c --exclude=./build --exclude=./.git --transform "s,^\.,$name-$version," . |
	gzip -1 > "$out/SOURCES/$name-$version.tar.gz"
# Not used with a ready kernel, but rpmbuild asks for it.
: > "$out/SOURCES/linux-$(sed -n 's/^%global *kernel_version *//p' "$specs/$name.spec").tar.xz"

for_kernels=
for kernel in $kernels; do
	for_kernels="$for_kernels ${kernel}___/lib/modules/$kernel/build"
done

build() {
	# The Debian packages were built with the same tests.
	rpmbuild --nodeps --nocheck --define "_topdir $out" --define 'debug_package %{nil}' "$@"
}

build -bb --define "enclave_kernel $enclave_kernel" \
	--define '_unitdir /usr/lib/systemd/system' \
	--define '_udevrulesdir /usr/lib/udev/rules.d' \
	--define '_sysusersdir /usr/lib/sysusers.d' \
	--define '_tmpfilesdir /usr/lib/tmpfiles.d' \
	--define 'systemd_post() systemctl preset %{1} || :' \
	--define 'systemd_preun() systemctl disable --now %{1} || :' \
	--define 'systemd_postun_with_restart() systemctl try-restart %{1} || :' \
	"$specs/$name.spec"
# kmodtool would assign the files to packages.
build -bi --noclean --define '_unpackaged_files_terminate_build 0' \
	--define "kernels $(echo "$kernels" | tail -n 1)" \
	--define "kernel_versions$for_kernels" \
	--define 'kmodinstdir_prefix /usr/lib/modules' \
	--define "kmodinstdir_postfix extra/$name" \
	"$specs/$name-kmod.spec"
