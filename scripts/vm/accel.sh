#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints how to run the VM: "kvm" if a guest of this machine's KVM can itself run guests,
# otherwise "tcg", QEMU's software emulation.
#
# usage: accel.sh VMLINUZ INITRD
#
# A trial decides, not the CPU's flags: it boots the VM's kernel with KVM and runs a guest of
# one instruction in it (kvm-probe.c). The result is kept until the next boot of this machine.
# NE_EMU_ACCEL=kvm or tcg overrides it.

set -eu
# shellcheck source=../root/lib.sh
. "$(dirname "$0")/../root/lib.sh"
vm_dir=$top/scripts/vm

vmlinuz=$1 initrd=$2

if [ -n "${NE_EMU_ACCEL-}" ]; then
	echo "$NE_EMU_ACCEL"
	exit 0
fi
if ! { : <> /dev/kvm; } 2> /dev/null; then
	echo tcg
	exit 0
fi

read -r boot < /proc/sys/kernel/random/boot_id
answer=$cache/accel-$boot
if [ ! -e "$answer" ]; then
	say "trying nested KVM, some seconds"
	if "$root_dir/enter.sh" "$vm_dir/accel-root.sh" "$vmlinuz" "$initrd" \
		> "$cache/accel.log" 2>&1; then
		echo kvm > "$answer"
	else
		say "no nested KVM here ($cache/accel.log): emulating in software"
		echo tcg > "$answer"
	fi
fi
cat "$answer"
