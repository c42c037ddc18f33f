#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Boots the test VM, a Debian host with KVM inside.
#
# usage: vm.sh [OPTION...] --command TEXT    run TEXT in bash, exit as it does
#        vm.sh [OPTION...] --shell           root shell on this terminal
#
#   --kernel SERIES   a line of the file kernels (default: the first)
#   --payload TAR     unpack it into / before the VM's services start
#   --memory MIB      default 6144
#   --topology NAME   topology of CPUs and memory (qemu.sh has the list)
#   --machine DIR     boot disk and vmlinuz-SERIES of another machine (plain.sh), and keep
#                     what is written to the disk
#   --timeout SECONDS default 900; no limit for --shell
#   --log DIR         keep console.log, kernel.log and qemu.log there
#
# KERNEL_IMAGE=/path/bzImage boots that kernel, with the modules of MODULES_DIR, a
# directory that holds lib/modules/RELEASE.
#
# Exit status: the command's; 125 if the VM failed, did not end in time, or if its
# kernel log contains a warning.

set -eu
# shellcheck source=../root/lib.sh
. "$(dirname "$0")/../root/lib.sh"
vm_dir=$top/scripts/vm

kernel=
payload=
memory=6144
topology=default
machine=
limit=900
log=
command=
shell=

usage() {
	sed -n 's/^# \{0,1\}//; 4,23p' "$0" >&2
	exit 2
}

while [ $# -gt 0 ]; do
	case $1 in
	--shell) shell=1 ;;
	--kernel | --payload | --memory | --topology | --machine | --timeout | --log | \
		--command)
		[ $# -ge 2 ] || usage
		case $1 in
		--kernel) kernel=$2 ;;
		--payload) payload=$2 ;;
		--memory) memory=$2 ;;
		--topology) topology=$2 ;;
		--machine) machine=$2 ;;
		--timeout) limit=$2 ;;
		--log) log=$2 ;;
		--command) command=$2 ;;
		esac
		shift
		;;
	*) usage ;;
	esac
	shift
done
[ -n "$command$shell" ] || usage

build_root=$("$root_dir/mkroot.sh" build)
[ -n "$kernel" ] || kernel=$(list "$root_dir/kernels" | head -n 1)

# Print the path of the disk image; make it if its recipe has changed.
disk_image() {
	vm_root=$("$root_dir/mkroot.sh" vm)
	key=$(find "$vm_dir/rootfs" "$vm_dir/disk.sh" -type f | sort |
		xargs cat "$build_root/usr/share/ne-emu-kernels" | hash -)
	image=$cache/disk-${vm_root##*-}-$key
	if [ ! -e "$image" ]; then
		lock disk
		say "making the VM's disk image"
		[ -e "$image" ] ||
			"$root_dir/enter.sh" "$vm_dir/disk.sh" "$vm_root" "$image"
		drop_old disk- "${image##*/}"
	fi
	touch -c "$image"
	echo "$image"
}

# Set vmlinuz and initrd for Debian's kernel $kernel.
debian_kernel() {
	release=$(sed -n "s/^$kernel //p" "$build_root/usr/share/ne-emu-kernels")
	[ -n "$release" ] || die "no kernel $kernel in the build root"
	vmlinuz=$build_root/boot/vmlinuz-$release
	key=$(cat "$vm_dir/initrd.sh" "$vm_dir/initramfs/init" | hash -)
	initrd=$cache/initrd-${build_root##*-}-$kernel-$key
	if [ ! -e "$initrd" ]; then
		lock "initrd-$kernel"
		"$root_dir/enter.sh" "$vm_dir/initrd.sh" "$release" / "$initrd"
		drop_old initrd- "initrd-${build_root##*-}"
	fi
	touch -c "$initrd"
}

# Set vmlinuz and initrd for $KERNEL_IMAGE and add its modules to the job.
custom_kernel() {
	: "${MODULES_DIR:?names the directory that holds lib/modules}"
	release=$(ls "$MODULES_DIR/lib/modules")
	mkdir -p "$run/modules/lib" "$run/job/usr/lib"
	cp -r "$MODULES_DIR/lib/modules" "$run/job/usr/lib/"
	cp -r "$MODULES_DIR/lib/modules" "$run/modules/lib/"
	cp "$KERNEL_IMAGE" "$run/vmlinuz"
	vmlinuz=$run/vmlinuz
	initrd=$run/initrd
	"$root_dir/enter.sh" "$vm_dir/initrd.sh" "$release" "$run/modules" "$initrd"
	rm -r "$run/modules"
}

make_job() {
	{
		echo "HOME=/root"
		echo "TERM=${TERM-dumb}"
		if [ -n "$shell" ] && size=$(stty size 2>/dev/null); then
			echo "LINES=${size% *}"
			echo "COLUMNS=${size#* }"
		fi
	} > "$run/job/job/environment"
	[ -n "$shell" ] || printf '%s\n' "$command" > "$run/job/job/command"
	tar -C "$run/job" -c --owner=0 --group=0 --numeric-owner \
		-f "$run/job.tar" .
}

# Print in one line why the VM left no status.
explain() {
	case $1 in
	124 | 137) echo "the VM did not end within $limit s and was stopped" ;;
	*) echo "the VM ended without a status (QEMU exit status $1)" ;;
	esac
}

finish() {
	[ -z "$log" ] || {
		mkdir -p "$log"
		cp "$run"/*.log "$log/"
	}
	if [ ! -s "$run/status" ]; then
		[ -z "$shell" ] || exit 0
		say "$(explain "$1")"
		say "its console's last lines:"
		tail -n 40 "$run/console.log" >&2
		tail -n 5 "$run/qemu.log" >&2
		exit 125
	fi
	status=$(cat "$run/status")
	"$vm_dir/scan-log.sh" "$run/console.log" "$run/kernel.log" || exit 125
	exit "$status"
}

mkdir -p "$cache"
run=$(mktemp -d "$cache/run-XXXXXX")
trap 'ns rm -rf "$run"' EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$run/job/job"
debian_kernel
accel=$("$vm_dir/accel.sh" "${vmlinuz#"$build_root"}" "$initrd")
[ -z "${KERNEL_IMAGE-}" ] || custom_kernel
if [ -n "$machine" ]; then
	vmlinuz=$machine/vmlinuz-$kernel initrd=$machine/initrd-$kernel
	disk=$machine/disk snapshot=off
else
	disk=$(disk_image) snapshot=on
fi
make_job
for file in console kernel qemu; do : > "$run/$file.log"; done

set -- "$vm_dir/qemu.sh" "$accel" "$topology" "$memory" "${vmlinuz#"$build_root"}" \
	"$initrd" "$disk" $snapshot "$run"
if [ -n "$payload" ]; then
	ln "$payload" "$run/payload.tar" 2>/dev/null || cp "$payload" "$run/payload.tar"
fi
result=0
if [ -n "$shell" ]; then
	"$root_dir/enter.sh" "$@" shell || result=$?
else
	# The pipe keeps QEMU from making the caller's output non-blocking.
	{
		timeout --kill-after=5 "$limit" "$root_dir/enter.sh" "$@" command \
			< /dev/null || result=$?
		echo "$result" > "$run/result"
	} | cat
	result=$(cat "$run/result")
fi
finish "$result"
