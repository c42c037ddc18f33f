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

# Units of a machine that lives for a minute, alone, without a network.
masked="
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer
	e2scrub_all.timer e2scrub_reap.service fstrim.timer
	systemd-tmpfiles-clean.timer systemd-networkd.service
	systemd-networkd.socket systemd-networkd-wait-online.service
	systemd-timesyncd.service systemd-pstore.service
	systemd-random-seed.service systemd-machine-id-commit.service
	systemd-firstboot.service systemd-update-utmp.service
	systemd-hwdb-update.service systemd-journal-flush.service
	systemd-remount-fs.service systemd-boot-update.service
	systemd-hibernate-clear.service systemd-battery-check.service
	systemd-tpm2-setup.service systemd-tpm2-setup-early.service
	systemd-pcrmachine.service systemd-pcrphase.service
	systemd-rfkill.service systemd-rfkill.socket
	systemd-journal-catalog-update.service ldconfig.service
	systemd-ask-password-console.path systemd-ask-password-wall.path
	proc-sys-fs-binfmt_misc.automount sys-kernel-debug.mount
	sys-kernel-tracing.mount sys-fs-fuse-connections.mount
	sys-kernel-config.mount dev-mqueue.mount
	modprobe@configfs.service modprobe@fuse.service modprobe@drm.service
	modprobe@dm_mod.service modprobe@loop.service modprobe@efi_pstore.service
	systemd-update-done.service systemd-sysext.socket
	systemd-sysext.service systemd-confext.service
	systemd-hostnamed.socket systemd-creds.socket systemd-mountfsd.socket
	systemd-user-sessions.service systemd-modules-load.service
	systemd-bootctl.socket systemd-factory-reset.socket
	systemd-binfmt.service systemd-pcrphase-sysinit.service
	systemd-repart.service systemd-pcrlock-make-policy.service
	keyboard-setup.service console-setup.service
	getty@.service serial-getty@.service console-getty.service
	getty-static.service user@.service systemd-logind.service
"

tmp=$(mktemp -d -p "${out%/*}")
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
tar -x --numeric-owner -f "$tar" -C "$tmp"

mkdir -p "$tmp/usr/lib/modules"
while read -r _ release; do
	cp -a "/usr/lib/modules/$release" "$tmp/usr/lib/modules/"
	rm -f "$tmp/usr/lib/modules/$release/build" \
		"$tmp/usr/lib/modules/$release/source"
done < /usr/share/ne-emu-kernels

rm -rf "$tmp"/var/cache/apt/* "$tmp"/var/lib/apt/lists/* "$tmp"/var/log/*
cp -r --no-preserve=ownership "$here/rootfs/." "$tmp/"
for unit in $masked; do
	ln -sf /dev/null "$tmp/etc/systemd/system/$unit"
done
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
