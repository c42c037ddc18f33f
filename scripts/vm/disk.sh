#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the VM's disk image. Runs in the build root.
#
# usage: disk.sh ROOT_TAR OUTPUT
#
# The image holds Debian, the modules of every kernel, and rootfs/.

set -eu

tar=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
size=3G # sparse; a run writes to a copy that is thrown away

# All that a machine needs which lives for a minute, alone, without a network.
# In software emulation each unit and each generator more costs a part of a second.
wanted="
	systemd-journald.service systemd-journald.socket
	systemd-journald-dev-log.socket
	systemd-udevd.service systemd-udevd-control.socket
	systemd-udevd-kernel.socket systemd-udev-trigger.service
	systemd-sysusers.service systemd-tmpfiles-setup.service
	tmp.mount dev-hugepages.mount sys-kernel-debug.mount
	sys-kernel-tracing.mount
"

tmp=$(mktemp -d -p "${out%/*}")
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
tar -x --numeric-owner -f "$tar" -C "$tmp"

mkdir -p "$tmp/dev" "$tmp/usr/lib/modules"
while read -r _ release; do
	cp -a "/usr/lib/modules/$release" "$tmp/usr/lib/modules/"
	rm -f "$tmp/usr/lib/modules/$release/build" \
		"$tmp/usr/lib/modules/$release/source"
done < /usr/share/ne-emu-kernels

rm -rf "$tmp"/var/cache/apt/* "$tmp"/var/lib/apt/lists/* "$tmp"/var/log/*
cp -r --no-preserve=ownership "$here/rootfs/." "$tmp/"
find "$tmp"/usr/lib/systemd/system/*.wants "$tmp"/etc/systemd/system/*.wants \
	-type l | while read -r link; do
	case $wanted in
	*[[:space:]]"${link##*/}"[[:space:]]*) ;;
	*) rm "$link" ;;
	esac
done
rm -f "$tmp"/usr/lib/systemd/system-generators/*
ln -s /dev/null "$tmp/etc/systemd/system/systemd-udev-load-credentials.service"
system=$tmp/etc/systemd/system
mkdir -p "$system/multi-user.target.wants"
ln -s /usr/lib/systemd/system/multi-user.target "$system/default.target"
for unit in ne-emu-job ne-emu-shell; do
	ln -s "../$unit.service" "$system/multi-user.target.wants/"
done
echo 00000000000000000000000000000e0e > "$tmp/etc/machine-id"
echo parent > "$tmp/etc/hostname"
printf '127.0.0.1 localhost parent\n::1 localhost\n' > "$tmp/etc/hosts"
: > "$tmp/etc/fstab"
chroot "$tmp" passwd -q -d root

mke2fs -q -t ext4 -d "$tmp" -O ^has_journal -m 0 -F "$out.part" "$size"
mv "$out.part" "$out"
