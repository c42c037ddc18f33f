#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the plain machine in the cache and prints its directory: a fresh installation of
# Debian, without any file of this project.
#
# usage: plain.sh
#
# The directory contains disk, and vmlinuz-SERIES and initrd-SERIES for each line of kernels.
# The machine has no network: its only source of packages is /srv/apt (plain.sources). apt
# and dpkg are as Debian ships them.

set -eu
# shellcheck source=../root/lib.sh
. "$(dirname "$0")/../root/lib.sh"
vm_dir=$top/scripts/vm

# The root whose apt has the mirror and the options to reach it.
build_root=$("$root_dir/mkroot.sh" build)

# Kernels and the source of packages. Without an initramfs, because the VM has one.
machine_hook() {
	cat <<'HOOK'
set -eu
root=$1 kernels=$2 sources=$3
in_root() {
	chroot "$root" env INITRD=No DEBIAN_FRONTEND=noninteractive "$@"
}
echo update_initramfs=no > "$root/etc/initramfs-tools/update-initramfs.conf"
while read -r series; do
	name=$(in_root apt-cache pkgnames "linux-image-$series." |
		grep -x 'linux-image-[^-]*-cloud-amd64' | sort -V | tail -n 1)
	[ -n "$name" ] || {
		echo "the mirror has no cloud kernel $series" >&2
		exit 1
	}
	in_root apt-get install -y -q "$name" < /dev/null
	echo "$series ${name#linux-image-}" >> "$root/usr/share/ne-emu-kernels"
done < "$kernels"

# download ARGUMENT... - download what the machine's apt would, if it had a network
download() {
	in_root apt-get install -y -q --download-only -o Apt::Install-Recommends=true "$@" \
		< /dev/null
}
archives=$root/var/cache/apt/archives
rm -f "$archives"/*.deb
grep / "$sources" | while read -r name; do
	download -t "${name#*/}" "${name%/*}"
done
download $(grep -v / "$sources")
mkdir -p "$root/srv/apt/stable" "$root/srv/apt/backports"
mv "$archives"/*~bpo*.deb "$root/srv/apt/backports/"
mv "$archives"/*.deb "$root/srv/apt/stable/"
while read -r _ release; do
	ls "$root"/srv/apt/*/linux-headers-"$release"_* > /dev/null
done < "$root/usr/share/ne-emu-kernels"

# As from the mirror, apt installs backports only on request.
for suite in stable backports; do
	[ $suite = stable ] || set -- -o APT::FTPArchive::Release::NotAutomatic=yes \
		-o APT::FTPArchive::Release::ButAutomaticUpgrades=yes
	[ $suite = backports ] || set --
	in_root sh -eu -c '
		cd "/srv/apt/$1"
		apt-ftparchive packages . > Packages
		suite=trixie
		[ "$1" = stable ] || suite=trixie-backports
		shift
		apt-ftparchive "$@" -o APT::FTPArchive::Release::Suite="$suite" \
			-o APT::FTPArchive::Release::Codename="$suite" release . > /tmp/Release
		mv /tmp/Release Release' - $suite "$@"
	echo "deb [trusted=yes] file:/srv/apt/$suite ./"
done > "$root/srv/apt/sources.list"
HOOK
}

key=$(cat "$0" "$vm_dir/plain-disk.sh" "$vm_dir/initrd.sh" "$vm_dir/initramfs/init" \
	"$vm_dir/rootfs/usr/local/sbin/ne-emu-port" "$vm_dir/rootfs/usr/local/sbin/ne-emu-job" \
	"$vm_dir/rootfs/etc/systemd/system/ne-emu-job.service" \
	"$vm_dir/plain/usr/local/sbin/ne-emu-verdict" \
	"$root_dir/kernels" "$vm_dir/plain.packages" "$vm_dir/plain.sources" | hash -)
out=$cache/plain-$key
if [ ! -e "$out" ]; then
	lock plain
fi
if [ ! -e "$out" ]; then
	command -v mmdebstrap > /dev/null ||
		die "mmdebstrap is missing: install the package mmdebstrap"
	tmp=$(mktemp -d)
	chmod 755 "$tmp" # hooks in a user namespace read it, too
	trap 'rm -rf "$tmp"; ns rm -rf "$out.part"' EXIT
	ns rm -rf "$out.part"
	mkdir "$out.part"
	say "making the plain machine, some minutes: $out"
	apt=$build_root/etc/apt
	machine_hook > "$tmp/machine.sh"
	list "$root_dir/kernels" > "$tmp/kernels"
	list "$vm_dir/plain.sources" | sed 's,/backports,/trixie-backports,' > "$tmp/sources"
	include=$(list "$vm_dir/plain.packages" | sed 's,/backports,/trixie-backports,' |
		paste -s -d ,)
	# The build root's pins bring QEMU's firmware and linux-base from backports.
	cat "$apt/sources.list" "$apt"/sources.list.d/*.list |
		std_descriptors mmdebstrap --variant=important --include="$include" \
			--aptopt="$apt/apt.conf.d/99mmdebstrap" \
			--dpkgopt=force-unsafe-io \
			--skip=output/dev \
			--setup-hook="copy-in $apt/preferences /etc/apt/" \
			--customize-hook="rm \"\$1/etc/apt/apt.conf.d/99mmdebstrap\"" \
			--customize-hook="sh $tmp/machine.sh \"\$1\" $tmp/kernels $tmp/sources" \
			--customize-hook="rm \"\$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap\"" \
			trixie "$out.part/root.tar" -
	"$root_dir/enter.sh" "$vm_dir/plain-disk.sh" "$out.part"
	rm "$out.part/root.tar"
	mv "$out.part" "$out"
	drop_old plain- "${out##*/}"
fi
touch -c "$out"
echo "$out"
