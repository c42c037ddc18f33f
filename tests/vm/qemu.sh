#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# QEMU's command line for the test VM. Runs in the build root.
#
# usage: qemu.sh ACCEL MEMORY_MIB VMLINUZ INITRD DISK RUN_FOLDER shell|command
#
# RUN_FOLDER holds job.tar and maybe payload.tar, and receives console.log,
# kernel.log, qemu.log and status. The terminal is the job's output, or the
# shell's console. Disks are written to a copy that is thrown away.

set -eu

accel=$1 memory=$2 vmlinuz=$3 initrd=$4 disk=$5 run=$6 mode=$7

case $accel in
kvm) machine="-accel kvm -cpu host" ;;
*) machine="-accel tcg,thread=multi -cpu EPYC,+svm" ;;
esac

# Two threads per core, as the CPU pool wants whole cores: 1 + 2 cores.
# shellcheck disable=SC2086 # two options
set -- $machine -machine q35 -m "$memory" -nodefaults -no-user-config \
	-smp 6,sockets=1,cores=3,threads=2 -display none -no-reboot \
	-kernel "$vmlinuz" -initrd "$initrd" \
	-append "console=ttyS0 loglevel=5 panic=-1 oops=panic mitigations=off \
audit=0 net.ifnames=0 no_timer_check watchdog_thresh=60 \
systemd.show_status=0 systemd.log_level=warning ${NE_EMU_VM_APPEND-}" \
	-serial "file:$run/console.log" \
	-drive "file=$disk,if=virtio,format=raw,snapshot=on,cache=unsafe" \
	-device virtio-serial-pci

payload=$run/payload.tar
[ -e "$payload" ] || payload=$run/job.tar
set -- "$@" \
	-drive "file=$payload,if=virtio,format=raw,read-only=on" \
	-drive "file=$run/job.tar,if=virtio,format=raw,read-only=on"

if [ "$mode" = shell ]; then
	set -- "$@" -chardev stdio,id=terminal,signal=off,mux=on \
		-device virtconsole,chardev=terminal
else
	# Not "stdio": the end of its input would look like a closed port.
	set -- "$@" -chardev file,id=output,path=/dev/stdout \
		-device virtserialport,chardev=output,name=ne-emu.output
fi
for port in log:kernel.log status:status; do
	set -- "$@" -chardev "file,id=${port%:*},path=$run/${port#*:}" \
		-device "virtserialport,chardev=${port%:*},name=ne-emu.${port%:*}"
done

# QEMU keeps the copies of disks here.
export TMPDIR="$run"
exec qemu-system-x86_64 "$@" 2> "$run/qemu.log"
