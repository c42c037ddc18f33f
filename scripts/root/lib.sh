# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154 # used and set by those scripts
# Shared by the scripts that use Debian roots: paths, messages, and the namespace in which
# the roots are used.

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$*"
	exit 1
}

# The source tree that contains the script.
top=$(cd "$(dirname "$0")" && while [ ! -e Kbuild ] && [ -n "${PWD##*/}" ]; do cd ..; done && pwd)
[ -e "$top/Kbuild" ] || die "$(dirname "$0") is not in a source tree of nitro_enclaves_emu"
root_dir=$top/scripts/root
# For chroot, which is not in the PATH of ordinary users of Debian.
PATH=$PATH:/usr/sbin:/sbin
cache=${NE_EMU_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ne-emu}

# list FILE... - print names without comments and empty lines
list() {
	sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@"
}

# The package whose source is in the build root, below /usr/src/linux-source.
source_package=linux-source-$(list "$root_dir/kernels" | head -n 1)

# hash FILE... - print a hash of the contents, 16 hex digits
hash() {
	cat "$@" | sha256sum | cut -c 1-16
}

# version PACKAGE - print the version of a package in the build root $root
version() {
	sed -n "/^Package: $1\$/,/^\$/s/^Version: //p" "$root/var/lib/dpkg/status"
}

# ns COMMAND... - run it with root's rights over the roots and in a new mount namespace.
# Ordinary users need a user namespace for that, and a range in /etc/subuid.
ns() {
	if [ "$(id -u)" = 0 ]; then
		unshare --mount --pid --fork --kill-child -- "$@"
	else
		unshare --map-root-user --map-auto --mount --pid --fork \
			--kill-child -- "$@"
	fi
}

# std_descriptors COMMAND... - run it with only the standard descriptors, although the
# caller of the script may have left others open
std_descriptors() {
	# bash, because a POSIX shell can only name descriptors below 10. The pattern is
	# expanded before any is closed.
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

# drop_old PREFIX KEEP - remove cache entries that were not used for two weeks
drop_old() {
	find "$cache" -mindepth 1 -maxdepth 1 -name "$1*" ! -name "$2*" \
		-mtime +14 -print | while read -r old; do
		say "removing unused $old"
		ns rm -rf "$old"
	done
}
