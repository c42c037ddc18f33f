#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The part of enter.sh that runs in the namespace.
#
# usage: enter-root.sh ROOT TREE CACHE COMMAND...

set -eu

root=$1 tree=$2 cache=$3
shift 3

bind() {
	mkdir -p "$root$1"
	mount --rbind "$1" "$root$1"
}

# First, because the tree or the cache may be below /tmp.
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
bind "$cache"
bind "$tree"
bind /dev
mount -t proc proc "$root/proc"

# The host's access to the network: its name servers and trusted authorities.
authorities=/etc/ssl/certs/ca-certificates.crt
for file in /etc/resolv.conf /etc/hosts $authorities; do
	[ ! -e "$file" ] || [ ! -e "$root$file" ] || mount --bind "$file" "$root$file"
done

# shellcheck disable=SC2016 # expanded by the inner shell
exec chroot "$root" /usr/bin/env -i \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	HOME=/root LANG=C.UTF-8 TERM="${TERM-dumb}" TMPDIR=/tmp \
	NE_EMU_VM_APPEND="${NE_EMU_VM_APPEND-}" \
	${https_proxy:+"https_proxy=$https_proxy"} \
	${GOPROXY:+"GOPROXY=$GOPROXY"} \
	sh -c 'cd "$1" && shift && exec "$@"' - "$tree" "$@"
