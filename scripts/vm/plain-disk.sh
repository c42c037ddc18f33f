#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes disk, kernels and initramfs of the plain machine. Runs in the build root.
#
# usage: plain-disk.sh DIRECTORY
#
# DIRECTORY/root.tar is Debian. This adds the units that take in a job and return its output.

set -eu

out=$1
here=$(cd "$(dirname "$0")" && pwd)
size=8G # sparse

root=$(mktemp -d -p "$out")
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
tar -x --numeric-owner -f "$out/root.tar" -C "$root"
mkdir -p "$root/dev"

while read -r series release; do
	cp "$root/boot/vmlinuz-$release" "$out/vmlinuz-$series"
	"$here/initrd.sh" "$release" "$root" "$out/initrd-$series"
done < "$root/usr/share/ne-emu-kernels"

rm -rf "$root"/etc/apt/sources.list.d/* "$root/etc/apt/preferences" \
	"$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*
mv "$root/srv/apt/sources.list" "$root/etc/apt/sources.list"

for file in etc/systemd/system/ne-emu-job.service usr/local/sbin/ne-emu-port \
	usr/local/sbin/ne-emu-job; do
	cp "$here/rootfs/$file" "$root/$file"
done
cp "$here/plain/usr/local/sbin/ne-emu-verdict" "$root/usr/local/sbin/"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../ne-emu-job.service "$root/etc/systemd/system/multi-user.target.wants/"
echo 00000000000000000000000000000e0f > "$root/etc/machine-id"
echo plain > "$root/etc/hostname"
printf '127.0.0.1 localhost plain\n::1 localhost\n' > "$root/etc/hosts"
: > "$root/etc/fstab"
chroot "$root" passwd -q -d root

mke2fs -q -t ext4 -d "$root" -O ^has_journal -m 0 -F "$out/disk.part" "$size"
mv "$out/disk.part" "$out/disk"
