#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# From the installed packages to running enclaves, following README.

set -eu
# shellcheck source=lib/plain.sh
. "$(dirname "$0")/lib/plain.sh"

# The commands that README gives after those that install the packages, one a line.
readme_commands() {
	sed -n '/^## Install/,/^## Use/s/^    //p' /opt/ne-emu/README.md |
		sed -n '/^sudo modprobe/,$p'
}

# A user who may use sudo follows README as it is. Each command has a login of its own, so that
# the user's groups are those of the last command.
readme() {
	useradd -m reader
	echo 'reader ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/reader
	readme_commands > "$tmp/commands"
	[ "$(wc -l < "$tmp/commands")" = 5 ]
	while read -r command; do
		echo "$ $command"
		case $command in
		"ne-emu run "*) until_interrupted reader "$command" ;;
		*) su - reader -c "$command" < /dev/null ;;
		esac
	done < "$tmp/commands"
	grep '^ne-emu run .*/sample.eif$' "$tmp/commands"
	wait_for 10 no_vmm
}

# until_interrupted USER COMMAND - run the sample image, and press Ctrl-C when it is ready
until_interrupted() {
	timeout 120 su - "$1" -c "$2" > "$tmp/console" 2> "$tmp/said" < /dev/null &
	launcher=$!
	wait_for 90 grep -a -q 'payload: ready' "$tmp/console" || {
		cat "$tmp/console" "$tmp/said"
		return 1
	}
	pkill -INT -x ne-emu
	wait "$launcher" || {
		status=$?
		cat "$tmp/said"
		return "$status"
	}
}

# The machine as it was, for the cases that follow.
readme_is_undone() {
	ne-emu setup --undo
	modprobe -r nitro_enclaves_emu
	wait_for 20 daemon_is_over
	userdel -r reader 2> /dev/null
	rm /etc/sudoers.d/reader
}

before_the_module() {
	doctor_says fail module 'sudo modprobe nitro_enclaves_emu'
	fails ne-emu run "$image" > "$tmp/said" 2>&1
	grep 'sudo modprobe nitro_enclaves_emu' "$tmp/said"
}

# The driver for EC2 loads here, without a device.
aws_driver_excludes_it() {
	log_mark
	modprobe nitro_enclaves
	fails modprobe nitro_enclaves_emu > "$tmp/said" 2>&1
	cat "$tmp/said"
	[ ! -d /sys/module/nitro_enclaves_emu ]
	log_since > "$tmp/log"
	cat "$tmp/log"
	grep 'nitro_enclaves_emu: .*nitro_enclaves' "$tmp/log"
	doctor_says fail module 'modprobe -r nitro_enclaves && sudo modprobe nitro_enclaves_emu'
	modprobe -r nitro_enclaves
}

# The line from README; it does not affect later starts of the emulator.
configuration_keeps_it_out() {
	sed -i.before 's/^#install nitro_enclaves /install nitro_enclaves /' \
		/etc/modprobe.d/"$tools".conf
	fails modprobe nitro_enclaves
	[ ! -d /sys/module/nitro_enclaves ]
	mv /etc/modprobe.d/"$tools".conf.before /etc/modprobe.d/"$tools".conf
}

# Without ne-emud, the device exists, and starts are refused with the reason.
module_without_daemon() {
	systemctl mask --runtime ne-emud.service
	modprobe nitro_enclaves_emu
	wait_for 20 device_is_for_group
	ne-emu setup --cpus 2 --memory $((memory * 2))
	doctor_says fail daemon 'sudo systemctl start ne-emud'
	fails ne-emu run --memory "$memory" "$image" > "$tmp/said" 2>&1
	cat "$tmp/said"
	grep 'sudo systemctl start ne-emud' "$tmp/said"
	systemctl unmask --runtime ne-emud.service
	ne-emu setup --undo
}

device_is_for_group() {
	[ "$(stat -c '%a %U:%G' "$device" 2> /dev/null)" = '660 root:ne' ]
}

daemon_by_hand() {
	systemctl start ne-emud.service
	daemon_runs
	modprobe -r nitro_enclaves_emu
	wait_for 20 daemon_is_over
	no_failed_units
}

daemon_is_over() {
	[ "$(systemctl is-active ne-emud.service)" = inactive ]
}

modprobe_brings_all() {
	modprobe nitro_enclaves_emu
	wait_for 20 daemon_runs
	device_is_for_group
	[ -d /sys/module/ne_emu_vsock ]
	[ "$(cat /sys/module/nitro_enclaves_emu/version)" = "$(version_of old)" ]
}

setup_and_doctor() {
	ne-emu setup --cpus 2 --memory $((memory * 2))
	ne-emu doctor
	ne-emu doctor | grep '0 failed: enclaves can run here'
}

# As a tester of Debian runs them.
own_tests() {
	for test in commands enclave; do
		mkdir "$tmp/$test"
		AUTOPKGTEST_TMP=$tmp/$test "/opt/ne-emu/autopkgtest/$test"
	done
	ne-emu setup --cpus 2 --memory $((memory * 2))
}

member_of_group() {
	useradd -m -G ne member
	started su - member -c "ne-emu run --detach --json --memory $memory $image"
	[ "$(ps -o user= -p "$(json_value ProcessID "$tmp/run.json")")" = member ]
	[ "$(ps -o user= -p "$(vmm_pids)")" = ne-emu ]
	echo_works "$cid"
	su - member -c "ne-emu ps && ne-emu stop $id && ne-emu doctor"
	wait_for 10 no_vmm
}

# as_member COMMAND - in a login of the user "member"; the output goes to $tmp/console and
# $tmp/said
as_member() {
	timeout 240 su - member -c "$1" > "$tmp/console" 2> "$tmp/said" < /dev/null || {
		status=$?
		cat "$tmp/console" "$tmp/said"
		return "$status"
	}
}

# A line of the console ends with CR and LF.
printed() {
	tr -d '\r' < "$tmp/console" | grep -a -x "$1" || {
		cat "$tmp/console" "$tmp/said"
		return 1
	}
}

# The image's user, by name, is not root.
container_image() {
	"$(dirname "$0")/lib/image.sh" /home/member/app.tar
	as_member 'ne-emu run --debug --console app.tar'
	printed 'app: hello from user 65534, group 65534'
	grep '^image: .*, built in ' "$tmp/said"
	wait_for 10 no_vmm
}

exit_status() {
	status=0
	as_member 'ne-emu run app.tar exit 7; echo "the shell has $?"' || status=$?
	cat "$tmp/console" "$tmp/said"
	[ "$status" = 0 ]
	grep -x 'the shell has 7' "$tmp/console"
	grep ' ended: the program exited with status 7$' "$tmp/said"
	wait_for 10 no_vmm
}

# In production mode: in debug mode, the registers are zero.
attested() {
	nonce=$(od -An -N 16 -t x1 /dev/urandom | tr -d ' \n')
	su - member -c 'timeout 240 socat -u VSOCK-LISTEN:5100 CREATE:document' &
	as_member "ne-emu run app.tar attest 5100 $nonce"
	wait "$!"
	pcr0=$(sed -n 's/^PCR0 //p' "$tmp/said")
	[ ${#pcr0} = 96 ]
	as_member "ne-emu attest verify --nonce $nonce --pcr 0=$pcr0 document"
	cat "$tmp/console"
	grep -x 'document: verified' "$tmp/console"
	other=$(echo "$pcr0" | tr 0-9a-f 1-9a-f0)
	fails as_member "ne-emu attest verify --nonce $nonce --pcr 0=$other document"
	grep -x 'document: REJECTED' "$tmp/console"
	wait_for 10 no_vmm
}

second_start() {
	as_member 'ne-emu run --debug --console app.tar'
	printed 'app: hello from user 65534, group 65534'
	grep '^image: .*, from the cache$' "$tmp/said"
	wait_for 10 no_vmm
}

# One for each command: "hello", "exit" and "attest".
images_are_pruned() {
	as_member 'ne-emu images'
	[ "$(grep -c ' app' "$tmp/console")" = 3 ] || {
		cat "$tmp/console"
		return 1
	}
	as_member 'ne-emu images --prune'
	grep '^3 images removed' "$tmp/console"
	[ -z "$(find /home/member/.cache/ne-emu -type f)" ]
}

outsider() {
	useradd -m outsider
	fails su - outsider -c "ne-emu run --memory $memory $image" > "$tmp/said" 2>&1
	cat "$tmp/said"
	grep 'sudo usermod -aG ne' "$tmp/said"
	su - outsider -c 'ne-emu doctor' > "$tmp/doctor" || :
	cat "$tmp/doctor"
	grep -A 2 '^error *device ' "$tmp/doctor" | grep 'sudo usermod -aG ne'
	# After that, the commands of README work.
	usermod -aG ne outsider
	su - outsider -c 'ne-emu doctor'
}

qemu_client() {
	mkfifo "$tmp/qemu.in"
	qemu-system-x86_64 -accel nitro,debug-mode=on -M nitro -nographic -smp 2 \
		-m "$memory"M -kernel "$image" < "$tmp/qemu.in" > "$tmp/qemu" 2>&1 &
	qemu=$!
	exec 8> "$tmp/qemu.in"
	wait_for 90 grep -a -q 'payload: ready' "$tmp/qemu" || {
		cat "$tmp/qemu"
		return 1
	}
	ne-emu ps --json > "$tmp/ps"
	echo_works "$(json_value EnclaveCID "$tmp/ps")"
	kill "$qemu"
	wait "$qemu" || :
	wait_for 10 no_vmm
}

folders_of_nitro_cli_are_left_alone() {
	[ -z "$(find /run/nitro_enclaves /var/log/nitro_enclaves -mindepth 1)" ]
}

# For 3_boot.sh, which compares the root of attestation. The administrator has huge pages for
# something else.
lasting_setup() {
	ne-emu attest root > /var/tmp/root.pem
	echo 'vm.nr_hugepages = 16' > /etc/sysctl.d/50-plain.conf
	ne-emu setup --cpus 2 --memory $((memory * 2)) --persistent > "$tmp/said"
	cat "$tmp/said"
	grep '^at each boot: the same, by ne-emu-setup.service' "$tmp/said"
}

# What keeps KVM's patches (hold_kvm) has to start before the first enclave.
enclave_at_boot() {
	printf 'image = %s\nmemory = %s\ndebug = yes\n' "$image" "$memory" \
		> /etc/ne-emu/enclaves/boot.conf
	systemctl enable ne-emu@boot
	[ "$(systemd-detect-virt)" = qemu ] || return 0
	cat > /etc/systemd/system/kvm-holder.service <<-END
	[Unit]
	Before=ne-emud.service ne-emu@boot.service
	[Service]
	Type=forking
	PIDFile=/run/kvm-holder
	ExecStartPre=-/usr/sbin/modprobe -q kvm_amd
	ExecStart=qemu-system-x86_64 -accel kvm -S -nodefaults -no-user-config -display none -m 16 -daemonize -pidfile /run/kvm-holder
	[Install]
	WantedBy=multi-user.target
	END
	systemctl enable kvm-holder
}

hold_kvm
check "README's first commands as they are, with nothing prepared" readme
check "undo them" readme_is_undone
check "without the module: what to do" before_the_module
check "driver for EC2 is loaded: refused, and doctor names it" aws_driver_excludes_it
check "driver for EC2 is kept out by configuration" configuration_keeps_it_out
check "module without ne-emud: what to do" module_without_daemon
check "ne-emud started by hand; goes with the module" daemon_by_hand
check "modprobe brings transport, device and ne-emud" modprobe_brings_all
check "setup; doctor finds all well" setup_and_doctor
check "the tests of the packages themselves" own_tests
check "an enclave in the background: heartbeat, console, vsock, stop" whole_life
check "a user in group ne" member_of_group
check "a container image: neither its user nor this one is root" container_image
check "its exit status reaches the user's shell" exit_status
check "it attests, and the document is verified with the PCR0 of its start" attested
check "its second start takes the image from the cache" second_start
check "the cache is emptied" images_are_pruned
check "a user outside of it: what to do" outsider
check "QEMU as a client" qemu_client
check "nothing of ours in nitro-cli's directories" folders_of_nitro_cli_are_left_alone
check "a setup that lasts" lasting_setup
check "an enclave at each boot" enclave_at_boot
finish
