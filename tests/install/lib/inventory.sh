#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints everything on this machine that belongs to our Debian packages or to none: files,
# configuration, users and groups, units, modules, devices. One line each, sorted.
#
# Leaves out data of apt, dpkg, update-alternatives, useradd, systemd and the kernel, and the
# files of the tests.

set -eu

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Paths without the links of the merged /usr.
merged() {
	sed -E 's,^/(bin|sbin|lib|lib64)/,/usr/\1/,'
}

# Files that other packages own or make in their scripts.
find /var/lib/dpkg/info -name '*.list' ! -name 'nitro-enclaves-emu*' -exec cat {} + |
	merged | sort -u > "$tmp/owned"

find / /run /dev \( -path /proc -o -path /sys -o -path /tmp -o -path /var/tmp \
	-o -path /run/systemd -o -path /run/udev -o -path /run/user -o -path /run/log \
	-o -path /run/credentials -o -path /run/lock \
	-o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/cache \
	-o -path /var/log/journal -o -path /var/log/apt -o -path /var/lib/systemd \
	-o -path /var/log/dpkg.log -o -path /var/log/alternatives.log \
	-o -path /etc/alternatives -o -lname '/etc/alternatives/*' \
	-o -path '/etc/sub?id-' -o -path /etc/.updated -o -path /run/kvm-holder \
	-o -path /job -o -path /opt/ne-emu -o -path /srv -o -path /root \
	-o -path /dev/pts -o -path /dev/char -o -path /dev/block -o -path /dev/disk \
	-o -path /dev/bus -o -path /dev/input -o -path /dev/virtio-ports \) -prune -o -print |
	sort -u > "$tmp/all"
comm -13 "$tmp/owned" "$tmp/all" | sed 's,^,file ,'

# Contents of the configuration. Users and groups have lines below.
find /etc -type f -exec sha256sum {} + | sort -k 2 | awk '{ print "etc", $2, $1 }' |
	grep -vE '^etc /etc/((passwd|group|shadow|gshadow|subuid|subgid)-?|ld.so.cache|.updated) '
getent passwd | sed 's,^,user ,'
getent group | sed 's,^,group ,'
systemctl list-unit-files --no-legend --plain | awk '{ print "unit", $1, $2 }'
awk '$1 ~ /nitro|ne_emu/ { print "module", $1 }' /proc/modules
if command -v dkms > /dev/null; then
	dkms status | sed 's,^,dkms ,'
fi
