#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs QEMU with the command line for the test VM. Runs in the build root.
#
# usage: qemu.sh ACCEL TOPOLOGY MEMORY_MIB VMLINUZ INITRD DISK on|off RUN_DIR \
#	shell|command
#
# RUN_DIR holds job.tar and optionally payload.tar, and receives console.log, kernel.log,
# qemu.log and status. The terminal shows the job's output, or is the shell's console. With
# "on", writes to the disk go to a temporary copy.
#
# TOPOLOGY:
# default: three cores with two threads each
# nodes: two NUMA nodes with 6 and 3 CPUs in one package, so that the ids of cores have a
#	gap and the last core has one thread; node 0 has a page of 1 GiB, and 2 GiB that
#	the kernel does not use for itself

set -eu

accel=$1 topology=$2 memory=$3 vmlinuz=$4 initrd=$5 disk=$6 snapshot=$7 run=$8 mode=$9

case $accel in
kvm) machine="-accel kvm -cpu host" ;;
*) machine="-accel tcg,thread=multi -cpu EPYC,+svm" ;;
esac

# Two threads per core, because the CPU pool needs whole cores: 1 + 2 cores on node 0.
case $topology in
default)
	machine="$machine -smp 6,sockets=1,cores=3,threads=2"
	append=
	;;
nodes)
	machine="$machine -smp 12,sockets=1,dies=2,cores=3,threads=2
		-object memory-backend-ram,id=node0,size=$((memory - 1024))M
		-object memory-backend-ram,id=node1,size=1024M
		-numa node,nodeid=0,cpus=0-5,memdev=node0
		-numa node,nodeid=1,cpus=6-11,memdev=node1"
	append="nr_cpus=9 hugepagesz=1G hugepages=0:1 movablecore=2G"
	;;
*)
	echo "no topology $topology" >&2
	exit 1
	;;
esac

# shellcheck disable=SC2086 # several options
set -- $machine -machine q35 -m "$memory" -nodefaults -no-user-config \
	-display none -no-reboot \
	-kernel "$vmlinuz" -initrd "$initrd" \
	-append "console=ttyS0 loglevel=5 panic=-1 oops=panic mitigations=off \
audit=0 net.ifnames=0 no_timer_check watchdog_thresh=60 \
systemd.show_status=0 systemd.log_level=warning $append ${NE_EMU_VM_APPEND-}" \
	-serial "file:$run/console.log" \
	-drive "file=$disk,if=virtio,format=raw,snapshot=$snapshot,cache=unsafe" \
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
	# Not "stdio", because the end of its input would look like a closed port.
	set -- "$@" -chardev file,id=output,path=/dev/stdout \
		-device virtserialport,chardev=output,name=ne-emu.output
fi
for port in log:kernel.log status:status; do
	set -- "$@" -chardev "file,id=${port%:*},path=$run/${port#*:}" \
		-device "virtserialport,chardev=${port%:*},name=ne-emu.${port%:*}"
done

# QEMU puts temporary copies of disks here.
export TMPDIR="$run"
exec qemu-system-x86_64 "$@" 2> "$run/qemu.log"
