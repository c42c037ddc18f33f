#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Builds the guest part twice, under circumstances that must not count: the directories of
# project and kernel source, a source tree or an archive, umask, time zone, language, user,
# host name, number of jobs, time. Compares every byte. TAP on stdout; runs in the build root.
#
# usage: run.sh DIRECTORY

set -u
# shellcheck source=../lib/case.sh
. "$(dirname "$0")/../lib/case.sh"

work=${1:?usage: run.sh DIRECTORY}
source=/usr/src/linux-source
rm -rf "$work"
mkdir -p "$work"
work=$(realpath "$work")
trap 'rm -rf "$work"/*/ "$work"/*.tar' EXIT

# copy DIRECTORY - the project's sources
copy() {
	mkdir -p "$1"
	tar -c --exclude=./build --exclude=./.git . | tar -x -C "$1"
}

first() {
	make -C "$work/a" KERNEL_SOURCE="$source" guest > "$work/first.log" 2>&1 || {
		tail -n 20 "$work/first.log"
		return 1
	}
}

# nproc takes OMP_NUM_THREADS for the number of processors.
# shellcheck disable=SC2016 # expanded by the inner shell
second() {
	tar -C "${source%/*}" -c -f "$work/linux.tar" "$(basename "$(realpath "$source")")"
	env -i PATH="$PATH" HOME=/nonexistent USER=someone LOGNAME=someone TZ=Asia/Tokyo \
		LC_ALL=tr_TR.UTF-8 OMP_NUM_THREADS=3 SOURCE_DATE_EPOCH=1234567890 \
		unshare --uts sh -c '
			hostname another-host && umask 077 &&
				make -C "$1" B=out KERNEL_SOURCE="$2" guest' \
		- "$work/b-with-a-longer-name" "$work/linux.tar" > "$work/second.log" 2>&1 || {
		tail -n 20 "$work/second.log"
		return 1
	}
}

# same FILE - relative to the output directory
same() {
	sha256sum "$work/a/build/$1" "$work/b-with-a-longer-name/out/$1"
	cmp "$work/a/build/$1" "$work/b-with-a-longer-name/out/$1" || return 1
	printf '# %s, %s bytes\n' "$(sha256sum < "$work/a/build/$1" | cut -c 1-64)" \
		"$(stat -c %s "$work/a/build/$1")" >&3
}

# Both now, so that they are the same.
copy "$work/a"
copy "$work/b-with-a-longer-name"
exec 3>&1
begin reproducible/guest
check "a build" first
check "a build under other circumstances" second
for file in guest/bzImage guest/bzImage.config guest/vmlinux \
	guest/scripts/gdb/linux/constants.py userspace/guest/init guest/payload \
	guest/sample.eif; do
	check "$file is the same" same "$file"
done
finish
