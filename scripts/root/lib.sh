# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154 # used and set by those scripts
# Shared by the scripts that use Debian roots: places, messages, the namespace in
# which the Debian roots are used.

top=$(cd "$(dirname "$0")" && while [ ! -e Kbuild ]; do cd ..; done && pwd)
root_dir=$top/scripts/root
vm_dir=$root_dir # as mkroot.sh calls it, whose text is in the names of roots
# For chroot, which ordinary users of Debian do not have in theirs.
PATH=$PATH:/usr/sbin:/sbin
cache=${NE_EMU_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ne-emu}

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$*"
	exit 1
}

# Names without comments and empty lines.
list() {
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@"
}

# The source that is in the build root, below /usr/src/linux-source.
source_package=linux-source-$(list "$vm_dir/kernels" | head -n 1)

# hash FILE... - 16 hex digits over the contents
hash() {
	cat "$@" | sha256sum | cut -c 1-16
}

# version PACKAGE - of an installed package of the build root $root
version() {
	sed -n "/^Package: $1\$/,/^\$/s/^Version: //p" "$root/var/lib/dpkg/status"
}

# ns CMD... - run with root's rights over the roots and mounts of its own.
# Ordinary users get there by a user namespace (needs /etc/subuid).
ns() {
	if [ "$(id -u)" = 0 ]; then
		unshare --mount --pid --fork --kill-child -- "$@"
	else
		unshare --map-root-user --map-auto --mount --pid --fork \
			--kill-child -- "$@"
	fi
}

# std_descriptors COMMAND... - run it with no other descriptors than the standard ones,
# whatever the caller of a script has left open
std_descriptors() {
	# bash, since a POSIX shell names only those below 10. The pattern is a snapshot.
	bash -c '
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			[ "$fd" -le 2 ] || eval "exec $fd>&-"
		done
		exec "$@"' - "$@"
}

# lock NAME - hold a lock of the cache until the script ends
lock() {
	mkdir -p "$cache"
	exec 9>"$cache/$1.lock"
	flock -n 9 || {
		say "waiting for another run that makes $1"
		flock 9
	}
}

# drop_old PREFIX KEEP - remove cache entries that nobody used for two weeks
drop_old() {
	find "$cache" -mindepth 1 -maxdepth 1 -name "$1*" ! -name "$2*" \
		-mtime +14 -print | while read -r old; do
		say "removing unused $old"
		ns rm -rf "$old"
	done
}
