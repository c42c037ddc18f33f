# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2154 # used and set elsewhere
# For the programs of this directory, which run in the plain machine in order; each starts
# with the state that the previous one left. Sourcing this file does not change the machine.

# shellcheck source=tests/lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

debs=/opt/ne-emu/packages
tools=nitro-enclaves-emu
sources=nitro-enclaves-emu-dkms
guest=nitro-enclaves-emu-guest
kernel=$(uname -r)
device=/dev/nitro_enclaves
# Size of the CPU pool that "setup" makes; an enclave uses all of it.
memory=256

# Run apt like a user, but without questions; apt, dpkg and DKMS must not complain.
apt_() {
	DEBIAN_FRONTEND=noninteractive apt-get -y "$@" > "$tmp/apt" 2>&1 || {
		cat "$tmp/apt"
		return 1
	}
	fails grep -E '^[EW]: |^dpkg: |[Ee]rror[:!]|[Ww]arning:|WARNING' "$tmp/apt"
}

# The package with the headers, linux-headers-cloud-amd64, from the kernel's suite.
headers_of() {
	case $1 in
	6.12.*) echo linux-headers-cloud-amd64 ;;
	*) echo linux-headers-cloud-amd64/trixie-backports ;;
	esac
}

# installed PACKAGE - print its version
installed() {
	dpkg-query -W -f '${db:Status-Abbrev} ${Version}\n' "$1" | sed -n 's/^ii *//p'
}

version_of() {
	dpkg-deb -f "$debs/$1"/"$tools"_*.deb Version
}

module_for() {
	find "/usr/lib/modules/$1/updates" -name "$2.ko*" 2> /dev/null
}

# DKMS has installed both modules of this version for this kernel.
dkms_has() {
	dkms status "$tools/$1" -k "$2" | grep -q ': installed' || {
		dkms status
		return 1
	}
	for module in nitro_enclaves_emu ne_emu_vsock; do
		[ "$(modinfo -k "$2" -F version $module)" = "$1" ] || return 1
	done
}

daemon_runs() {
	[ "$(systemctl is-active ne-emud.service)" = active ]
}

no_failed_units() {
	systemctl --failed --no-legend --plain > "$tmp/failed"
	fails grep ne-emu "$tmp/failed"
}

# An emulated CPU can lose a race when KVM patches the kernel for the first VM of a host
# (tests/lib/run-all.sh); a VM that exists all the time avoids that.
hold_kvm() {
	[ "$(systemd-detect-virt)" = qemu ] || return 0
	[ ! -s /run/kvm-holder ] || return 0
	qemu-system-x86_64 -accel kvm -S -nodefaults -no-user-config -display none -m 16 \
		-daemonize -pidfile /run/kvm-holder || note "no VM keeps KVM's patches"
}

# started ARGUMENT... - run "ne-emu run --detach" with these; sets id and cid
started() {
	timeout 120 "$@" > "$tmp/run.json" 2> "$tmp/run.err" || {
		cat "$tmp/run.err"
		return 1
	}
	id=$(json_value EnclaveID "$tmp/run.json")
	cid=$(json_value EnclaveCID "$tmp/run.json")
	[ -n "$id" ] && [ "$cid" -ge 4 ]
}

# Relies on ne-emu printing one member per line, because a plain machine has no jq.
json_value() {
	sed -n "s/^ *\"$1\": *\"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" "$2"
}

run_detached() {
	started ne-emu run --detach --json --memory $memory "$@" "$image"
}

console_shows() {
	timeout 60 ne-emu console "$id" > "$tmp/console" 2>&1 &
	reader=$!
	wait_for 30 grep -a -q 'payload: ' "$tmp/console"
	grep -a -q 'Linux version' "$tmp/console"
	kill $reader
}

stop_all() {
	timeout 60 ne-emu stop --all
	wait_for 10 no_vmm
}

# An enclave from its start to its end: heartbeat, console, vsock.
whole_life() {
	run_detached --debug
	echo_works "$cid"
	console_shows
	timeout 60 ne-emu stop "$id"
	wait_for 10 no_vmm
}

# doctor_says STATUS CHECK TEXT - doctor reports this finding
doctor_says() {
	ne-emu doctor > "$tmp/doctor" || :
	grep -A 2 "^$1 *$2 " "$tmp/doctor" | grep -q -- "$3" || {
		cat "$tmp/doctor"
		return 1
	}
}
