# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# For the scripts in tests/vsock: lib/enclave.sh, and commands in a guest that runs agent.c.

# shellcheck source=tests/lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

image=${NE_VSOCK_EIF:-/opt/ne-emu/vsock.eif}
bin=${NE_TEST_BIN:-$here}
command_port=5000
# shellcheck disable=SC2034 # used by the scripts
echo_port=5001 any_cid=4294967295

# in_guest CID COMMAND... - run it in the guest; prints its output, returns its exit status
in_guest() {
	guest_cid=$1
	guest_status=$(mktemp "$tmp/status.XXXXXX")
	shift
	echo "$*" | timeout 600 socat -t 600 - "VSOCK-CONNECT:$guest_cid:$command_port" |
		sed -u -e "/^status [0-9]*\$/{w $guest_status" -e 'd}'
	read -r _ guest_status < "$guest_status" || guest_status=125
	return "$guest_status"
}

agent_answers() {
	in_guest "$1" /vsock_perf --help 2> /dev/null | grep -q benchmark
}

# listening PORT - is there a listener on this port?
listening() {
	ss -l --vsock 2> /dev/null | grep -q ":$1 "
}

# The kernel and the programs of the enclave, as files for QEMU.
make_guest_files() {
	kernel=${NE_VSOCK_KERNEL:-/usr/share/ne-emu/bzImage}
	mkdir "$tmp/root"
	cp "$bin/vsock_agent" "$bin/vsock_test" "$bin/vsock_perf" "$tmp/root"
	(cd "$tmp/root" && find . | cpio --quiet -o -H newc) > "$tmp/ramdisk"
}

# qemu_machine ARGUMENT... - run a QEMU virtual machine until end_qemu_guest
qemu_machine() {
	qemu-system-x86_64 -accel kvm -cpu host -smp 2 -m 256 -nodefaults -no-user-config \
		-display none -serial "file:$tmp/qemu.console" -no-reboot \
		-kernel "$kernel" -initrd "$tmp/ramdisk" \
		-append "console=ttyS0 reboot=t panic=-1 rdinit=/vsock_agent" \
		-global virtio-mmio.force-legacy=false "$@" > "$tmp/qemu" 2>&1 8>&- &
	qemu_pid=$!
}

# qemu_guest CID - run one with vhost-vsock
qemu_guest() {
	qemu_machine -M microvm,acpi=off -device "vhost-vsock-device,guest-cid=$1"
}

qemu_guest_answers() {
	wait_for 60 agent_answers "$1" > /dev/null && return
	cat "$tmp/qemu"
	tail -n 5 "$tmp/qemu.console"
	end_qemu_guest
	return 1
}

end_qemu_guest() {
	kill "$qemu_pid" 2> /dev/null || :
	wait "$qemu_pid" || :
}
