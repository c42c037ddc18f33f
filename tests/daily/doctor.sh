#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Hosts that are broken in many ways: "ne-emu doctor" names the cause, and only that. Its
# command is executed as it is printed, and then all is well again. Where doctor says that
# enclaves cannot run, a start fails; where it says that they can, a start works.
#
# Once, on another kernel: nothing here depends on the kernel.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu jq python3 setpriv socat
need_host 160
need_daemon
need_image

user=ne-doctor-test
vmm=/usr/libexec/ne-emu/ne-emu-vmm
config=/etc/ne-emu/ne-emud.conf
group=/sys/fs/cgroup/ne-emud.service
drop_in=/run/systemd/system/ne-emud.service.d/test.conf

# The tests run as root, without sudo.
mkdir "$tmp/bin"
cat > "$tmp/bin/sudo" <<'END'
#!/bin/sh
[ "$1" != -iu ] || exec setpriv --reuid "$2" --regid "$2" --init-groups sh
exec "$@"
END
chmod +x "$tmp/bin/sudo"
PATH=$tmp/bin:$PATH
XDG_CACHE_HOME=$tmp/cache
export PATH XDG_CACHE_HOME

### What doctor says ###

# doctor [COMMAND...] - run it, below the command, and show its problems
doctor() {
	doctor_status=0
	"$@" ne-emu doctor --json > "$tmp/doctor" || doctor_status=$?
	jq -r '.Findings[] | select(.Status != "ok") |
		"\(.Status) \(.Id): \(.Text)\n  \(.Fix)\n  \(.Command)"' "$tmp/doctor"
	jq -r '.NotChecked | "not checked: \(join(" "))"' "$tmp/doctor"
}

# ids STATUS
ids() {
	jq -r --arg status "$1" '.Findings[] | select(.Status == $status).Id' "$tmp/doctor"
}

# error ID [COMMAND...] - doctor, below the command, finds this and no other cause
error() {
	error_id=$1
	shift
	doctor "$@"
	[ "$doctor_status" = 1 ]
	[ "$(ids error)" = "$error_id" ]
}

# warning ID [COMMAND...] - doctor finds this, and that enclaves can run
warning() {
	warning_id=$1
	shift
	doctor "$@"
	[ "$doctor_status" = 0 ]
	ids warning | grep -qx "$warning_id"
}

# advised ID - print the command that doctor has for this problem
advised() {
	jq -r --arg id "$1" '[.Findings[] | select(.Id == $id).Command][0] // empty' "$tmp/doctor"
}

# follow ID - execute it
follow() {
	advised "$1" > "$tmp/command"
	[ -s "$tmp/command" ]
	sh -ex "$tmp/command"
}

is_well() {
	ne-emu doctor --json > "$tmp/doctor"
}

well() {
	wait_for 10 is_well && return 0
	doctor
	return 1
}

# solved ID - follow its advice; no error is left, nor this warning
solved() {
	follow "$1"
	well
	fails grep -q "\"$1\"" "$tmp/doctor"
}

### Starts ###

# starts [COMMAND...] - an enclave starts, below the command
starts() {
	starts_status=0
	"$@" timeout 90 ne-emu run --memory 128 --detach "$image" > "$tmp/run" 2>&1 ||
		starts_status=$?
	cat "$tmp/run"
	ne-emu stop --all
	[ "$starts_status" = 0 ]
}

# no_start TEXT [COMMAND...] - the start fails, and says why
no_start() {
	no_start_text=$1
	shift
	no_start_status=0
	"$@" timeout 60 ne-emu run --memory 128 --detach "$image" > "$tmp/run" 2>&1 ||
		no_start_status=$?
	cat "$tmp/run"
	[ "$no_start_status" != 0 ]
	grep -q -e "$no_start_text" "$tmp/run"
}

restart_daemon() {
	systemctl reset-failed ne-emud.service 2> /dev/null || :
	systemctl daemon-reload
	systemctl restart ne-emud.service
}

# Also after a case that failed.
repair() {
	set +e
	ne-emu stop --all
	umount /var/log/ne-emu /run/ne-emu "$tmp/cache"
	rm -f "$drop_in" /run/systemd/system/ne-doctor-test.service
	[ ! -e "$vmm.gone" ] || mv "$vmm.gone" "$vmm"
	chmod 755 "$vmm"
	chmod 660 /dev/kvm
	cp "$tmp/config" "$config"
	userdel "$user"
	rmdir /sys/fs/cgroup/ne-doctor-test
	echo 0 > /proc/sys/vm/nr_overcommit_hugepages
	echo 160 > /proc/sys/vm/nr_hugepages
	modprobe -r nitro_enclaves vmw_vsock_virtio_transport
	modprobe nitro_enclaves_emu
	modprobe ne_emu_vsock
	restart_daemon
	for cpu in $(seq $(($(nproc --all) - 1))); do
		echo 1 > "/sys/devices/system/cpu/cpu$cpu/online"
	done
	restore_pool
} > /dev/null 2>&1
trap 'repair; undo' EXIT

mkdir -p /etc/ne-emu
[ -e "$config" ] || : > "$config"
cp "$config" "$tmp/config"

### The module, the device, the pool ###

# Sockets that have just closed hold the transport for up to 8 s.
unload() {
	wait_for 20 modprobe -r "$@" 2> /dev/null
}

unload_emulator() {
	systemctl stop ne-emud.service
	unload ne_emu_vsock nitro_enclaves_emu
	wait_for 10 test ! -e /sys/module/nitro_enclaves_emu
	wait_for 10 test ! -e /sys/module/ne_emu_vsock
}

# The advice was for two CPUs.
restore_pool() {
	printf %s "$pool" > "$pool_file"
	rm -f /run/ne-emu/setup.json
}

# The pool is lost with the module.
modules() {
	unload_emulator
	error module-not-loaded
	no_start 'sudo modprobe nitro_enclaves_emu'
	follow module-not-loaded
	wait_for 10 systemctl -q is-active ne-emud.service
	error pool-empty
	unload_emulator
	modprobe nitro_enclaves
	wait_for 10 test -e /sys/module/nitro_enclaves/initstate
	error module-aws-driver
	follow module-aws-driver
	wait_for 10 systemctl -q is-active ne-emud.service
	error pool-empty
	no_start 'the CPU pool is empty'
	solved pool-empty
	starts
	restore_pool
}

no_device() {
	rm /dev/nitro_enclaves
	error device-missing
	no_start 'there is no such device'
	follow device-missing
	wait_for 10 systemctl -q is-active ne-emud.service
	error pool-empty
	solved pool-empty
	restore_pool
}

device_of_another_group() {
	chgrp root /dev/nitro_enclaves
	warning device-group
	solved device-group
}

# as_user COMMAND... - in a session that began before the user joined a group
as_user() {
	setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
}

not_a_member() {
	useradd -U "$user"
	error device-permission as_user
	no_start 'you may not use it' as_user
	USER=$user follow device-permission
	error device-session as_user
	command=$(advised device-session)
	echo "ne-emu doctor --json" | USER=$user sh -c "$command" > "$tmp/doctor"
	jq -e .Ok "$tmp/doctor"
	starts setpriv --reuid "$user" --regid "$user" --init-groups
	userdel "$user"
}

# in_unit PROPERTY COMMAND... - in a service with this property
in_unit() {
	property=$1
	shift
	program=$(command -v "$1")
	shift
	cat > /run/systemd/system/ne-doctor-test.service <<-END
	[Service]
	Type=oneshot
	$property
	Environment=XDG_CACHE_HOME=$XDG_CACHE_HOME
	StandardOutput=file:$tmp/unit.out
	StandardError=file:$tmp/unit.err
	ExecStart=$program $*
	END
	rm -f "$tmp/unit.out" "$tmp/unit.err"
	systemctl daemon-reload
	unit_status=0
	systemctl start ne-doctor-test.service 2> /dev/null || unit_status=1
	cat "$tmp/unit.out"
	cat "$tmp/unit.err" >&2
	return $unit_status
}

device_cgroup() {
	error device-cgroup in_unit DevicePolicy=closed
	no_start 'a container needs access' in_unit DevicePolicy=closed
	well
}

core_offline() {
	for cpu in 3 5; do
		echo 0 > "/sys/devices/system/cpu/cpu$cpu/online"
	done
	error pool-offline
	no_start 'offline\|pool'
	solved pool-offline
}

half_of_the_pool_offline() {
	echo 0 > /sys/devices/system/cpu/cpu5/online
	warning pool-offline
	starts
	solved pool-offline
}

cpuset_of_the_supervisor() {
	mkdir -p "${drop_in%/*}"
	printf '[Service]\nExecStart=\nExecStart=/usr/sbin/ne-emud --no-isolation\n' > "$drop_in"
	systemctl daemon-reload
	systemctl set-property --runtime ne-emud.service AllowedCPUs=0-1
	restart_daemon
	warning pool-cpuset
	solved pool-cpuset
	rm "$drop_in"
	restart_daemon
}

### Memory ###

no_pages() {
	echo 0 > /proc/sys/vm/nr_hugepages
	error huge-pages-missing
	no_start 'not enough free huge pages'
	solved huge-pages-missing
	starts
	echo 160 > /proc/sys/vm/nr_hugepages
}

# That is what they are for.
all_pages_in_use() {
	echo 64 > /proc/sys/vm/nr_hugepages
	ne-emu run --memory 128 --detach "$image"
	[ "$(free_pages)" = 0 ]
	doctor
	[ "$doctor_status" = 0 ]
	jq -r '.Findings[] | select(.Check == "huge-pages").Text' "$tmp/doctor" |
		grep '1 enclaves use 128 MiB'
	ne-emu stop --all
	echo 160 > /proc/sys/vm/nr_hugepages
}

pages_on_demand() {
	echo 0 > /proc/sys/vm/nr_hugepages
	echo 400 > /proc/sys/vm/nr_overcommit_hugepages
	well
	starts
	echo 0 > /proc/sys/vm/nr_overcommit_hugepages
	echo 160 > /proc/sys/vm/nr_hugepages
}

# Other mappings have the pages that sysfs counts as free.
pages_of_others() {
	python3 -c 'import mmap, signal
memory = mmap.mmap(-1, 150 << 21, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000)
print("mapped", flush=True)
signal.pause()' > "$tmp/mapped" &
	holder=$!
	wait_for 10 grep -q mapped "$tmp/mapped"
	error huge-pages-missing
	no_start 'not enough free huge pages'
	solved huge-pages-missing
	kill "$holder"
	echo 160 > /proc/sys/vm/nr_hugepages
}

# limited COMMAND... - in a control group that may have 100 MiB, unless somebody raised that
limited() {
	sh -c 'echo $$ > /sys/fs/cgroup/ne-doctor-test/cgroup.procs; exec "$@"' - "$@"
}

limit_of_a_control_group() {
	echo +hugetlb > /sys/fs/cgroup/cgroup.subtree_control
	mkdir /sys/fs/cgroup/ne-doctor-test
	echo $((50 << 20)) > /sys/fs/cgroup/ne-doctor-test/hugetlb.2MB.max
	error huge-pages-cgroup limited
	no_start 'only 50 MiB.*/sys/fs/cgroup/ne-doctor-test/hugetlb.2MB.max' limited
	follow huge-pages-cgroup
	limited ne-emu doctor > /dev/null
	starts limited
	rmdir /sys/fs/cgroup/ne-doctor-test
}

too_few_files() {
	error limit-open-files sh -c 'ulimit -S -n 8; exec "$@"' -
	no_start 'oo many open files' sh -c 'ulimit -S -n 8; exec "$@"' -
	command=$(advised limit-open-files)
	sh -ec "ulimit -S -n 8; $command; ne-emu doctor"
}

### The supervisor ###

supervisor_stopped() {
	systemctl stop ne-emud.service
	error daemon-stopped
	no_start 'ne-emud is not running'
	solved daemon-stopped
}

supervisor_masked() {
	systemctl stop ne-emud.service
	systemctl mask --runtime ne-emud.service
	error daemon-masked
	solved daemon-masked
}

supervisor_failed() {
	mkdir -p "${drop_in%/*}"
	printf '[Service]\nExecStartPre=/bin/sh -c "echo no such thing; exit 1"\nRestart=no\n' > "$drop_in"
	systemctl daemon-reload
	fails systemctl restart ne-emud.service
	error daemon-failed
	grep 'no such thing' "$tmp/doctor"
	rm "$drop_in"
	systemctl daemon-reload
	solved daemon-failed
}

start_limit() {
	for i in 1 2 3 4 5 6 7 8; do
		systemctl restart ne-emud.service 2> /dev/null || break
	done
	error daemon-failed
	grep start-limit-hit "$tmp/doctor"
	solved daemon-failed
}

supervisor_frozen() {
	echo 1 > "$group/cgroup.freeze"
	error daemon-frozen
	solved daemon-frozen
	kill -STOP "$(daemon_pid)"
	error daemon-frozen
	solved daemon-frozen
	starts
}

error_in_the_configuration() {
	printf '[attestation]\nregon = eu-west-1\n' > "$config"
	warning config-invalid
	fails systemctl restart ne-emud.service
	error config-invalid
	grep 'ne-emud.conf:2: regon' "$tmp/doctor"
	solved config-invalid
	cp "$tmp/config" "$config"
	restart_daemon
}

another_supervisor() {
	systemctl stop ne-emud.service
	unshare --mount sh -c 'mount -t tmpfs none /run/ne-emu; exec ne-emud' > "$tmp/other" 2>&1 &
	wait_for 10 pgrep -x ne-emud > /dev/null
	warning daemon-foreign
	starts
	solved daemon-foreign
}

in_namespaces() {
	warning daemon-not-visible unshare --mount --pid --fork --mount-proc sh -c \
		'mount -t tmpfs none /run; "$@"' -
	starts unshare --mount --pid --fork --mount-proc sh -c 'mount -t tmpfs none /run; "$@"' -
}

### What the supervisor uses ###

vmm_not_executable() {
	chmod 644 "$vmm"
	error vmm-not-executable
	no_start 'ne-emu-vmm'
	solved vmm-not-executable
}

vmm_missing() {
	mv "$vmm" "$vmm.gone"
	error vmm-missing
	no_start 'no VMM'
	mv "$vmm.gone" "$vmm"
	well
}

kvm_forbidden() {
	chmod 0 /dev/kvm
	error kvm-forbidden
	no_start 'may not open /dev/kvm'
	solved kvm-forbidden
}

no_kvm_device() {
	rm /dev/kvm
	error kvm-device-missing
	no_start '/dev/kvm'
	solved kvm-device-missing
}

logs_full() {
	mount -t tmpfs -o size=256k none /var/log/ne-emu
	restart_daemon
	dd if=/dev/zero of=/var/log/ne-emu/filler bs=64k 2> /dev/null || :
	warning logs-full
	starts
	rm /var/log/ne-emu/filler
	well
}

logs_read_only() {
	mount -o remount,ro /var/log/ne-emu
	warning logs-read-only
	solved logs-read-only
	umount /var/log/ne-emu
	restart_daemon
}

logs_of_another_owner() {
	chown nobody:nogroup /var/log/ne-emu
	chmod 700 /var/log/ne-emu
	warning logs-unwritable
	solved logs-unwritable
}

run_folder_full() {
	mount -t tmpfs -o nr_inodes=60,mode=755 none /run/ne-emu
	restart_daemon
	for i in $(seq 60); do
		touch "/run/ne-emu/filler$i" 2> /dev/null || break
	done
	warning run-full
	starts
	rm /run/ne-emu/filler*
	well
	umount /run/ne-emu
	restart_daemon
}

root_key_is_public() {
	chmod 755 /var/lib/ne-emu/ca
	restart_daemon
	warning attestation-private
	solved attestation-private
}

### vsock, and other files ###

transports() {
	unload ne_emu_vsock
	error vsock-not-loaded
	no_start 'vsock'
	solved vsock-not-loaded
	unload ne_emu_vsock
	modprobe vmw_vsock_virtio_transport
	error vsock-other-transport
	no_start 'vsock'
	solved vsock-other-transport
	starts
}

vhost() {
	modprobe vhost_vsock
	doctor
	[ "$doctor_status" = 0 ]
	[ -e /proc/sys/net/vsock/g2h_fallback ] || {
		warning vhost-vsock
		solved vhost-vsock
	}
	[ ! -d /sys/module/vhost_vsock ] || modprobe -r vhost_vsock
}

# forbidden COMMAND... - where AF_VSOCK is refused
forbidden() {
	in_unit RestrictAddressFamilies='AF_UNIX AF_NETLINK' "$@"
}

vsock_is_forbidden() {
	error vsock-forbidden forbidden
	no_start 'vsock' forbidden
}

ssh_listens() {
	socat VSOCK-LISTEN:22 - > /dev/null < /dev/null &
	wait_for 10 sh -c 'ss -l --vsock | grep -q :22'
	warning vsock-ports
	kill $!
}

no_guest() {
	mv /usr/share/ne-emu/bzImage "$tmp/bzImage"
	warning guest-missing
	mv "$tmp/bzImage" /usr/share/ne-emu/bzImage
	well
}

no_space_for_images() {
	mkdir -p "$tmp/cache"
	mount -t tmpfs -o size=1m none "$tmp/cache"
	warning images-full
	umount "$tmp/cache"
	well
}

# one_by_one FUNCTION... - cases; a host that a failed one leaves is repaired for the next
# shellcheck disable=SC2154 # $failed counts, in case.sh
one_by_one() {
	for each; do
		before=$failed
		check_each "$each"
		[ "$failed" = "$before" ] || (repair) || :
	done
}

check "a host that is well" well
one_by_one \
	too_few_files device_cgroup not_a_member device_of_another_group no_device \
	no_pages all_pages_in_use pages_on_demand pages_of_others limit_of_a_control_group \
	core_offline half_of_the_pool_offline cpuset_of_the_supervisor \
	supervisor_stopped supervisor_masked supervisor_failed start_limit supervisor_frozen \
	error_in_the_configuration another_supervisor in_namespaces \
	vmm_not_executable vmm_missing kvm_forbidden no_kvm_device \
	logs_full logs_read_only logs_of_another_owner run_folder_full root_key_is_public \
	vsock_is_forbidden ssh_listens vhost no_guest no_space_for_images \
	transports modules
finish
