#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Errors when something is missing or wrong: within seconds, with a message that names the
# cause, and with nothing left behind.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3
need_host 160
need_daemon
need_image

edit() {
	python3 "$here/lib/eif_edit.py" "$@"
}

# refused SECONDS PATTERN COMMAND... - the command fails in time with such a message
refused() {
	limit=$(($1 * ${NE_SLOWNESS:-1})) pattern=$2
	shift 2
	begin=$(now_ms)
	if timeout $((limit * 2)) "$@" > "$tmp/said" 2>&1; then
		echo "it succeeded: $*"
		return 1
	fi
	took=$(($(now_ms) - begin))
	cat "$tmp/said"
	echo "after $took ms"
	[ "$took" -le $((limit * 1000)) ] || return 1
	grep -q -i -E "$pattern" "$tmp/said" || return 1
	same_as_before
}

no_supervisor() {
	systemctl stop ne-emud.service
	wait_for 5 no_vmm
	remember
	saved_daemon=1
	wrong=0
	refused 10 'ne-emud' ne-emu run "$image" || wrong=1
	refused 10 '^failed start 19 ' "$cycle" || wrong=1
	start_daemon
	return "$wrong"
}

# setup takes memory from all users, so it needs CAP_SYS_ADMIN and fails in a container.
supervisor_not_allowed() {
	systemctl stop ne-emud.service
	wait_for 5 no_vmm
	remember
	saved_daemon=1
	wrong=0
	refused 5 'not allowed to serve .* CAP_SYS_ADMIN' \
		setpriv --bounding-set -sys_admin ne-emud || wrong=1
	refused 5 "not allowed to accept .* host's network namespace" \
		unshare --net ne-emud || wrong=1
	start_daemon
	return "$wrong"
}

kvm_module() {
	for module in kvm_amd kvm_intel; do
		[ ! -d "/sys/module/$module" ] || echo "$module"
	done
}

no_kvm() {
	module=$(kvm_module)
	[ -n "$module" ] || skip "KVM is built in"
	remember
	modprobe -r "$module"
	wrong=0
	refused 10 'kvm' ne-emu run "$image" || wrong=1
	refused 10 '^failed start 95 ' "$cycle" || wrong=1
	modprobe "$module"
	return "$wrong"
}

no_huge_pages() {
	pages=$(cat /proc/sys/vm/nr_hugepages)
	echo 0 > /proc/sys/vm/nr_hugepages
	remember
	wrong=0
	refused 5 'huge ?page' ne-emu run "$image" || wrong=1
	echo "$pages" > /proc/sys/vm/nr_hugepages
	return "$wrong"
}

no_pool() {
	remember
	echo > "$pool_file" 2> /dev/null || :
	refused 5 'ne_cpus|CPU pool' ne-emu run "$image"
}

# bad_image PATTERN - the launcher refuses $tmp/bad.eif, and so does the VMM if the check of
# the launcher is off, with the same reason.
bad_image() {
	remember
	refused 10 "$1" ne-emu run "$tmp/bad.eif"
	refused 20 "$1" ne-emu run --no-check --timeout 60 "$tmp/bad.eif"
}

truncated() {
	edit cut "$image" "$tmp/bad.eif"
	bad_image 'truncated|short|size|end|beyond|outside'
}

corrupt() {
	edit break "$image" "$tmp/bad.eif"
	bad_image 'CRC|checksum'
}

not_an_image() {
	head -c 100000 /dev/zero > "$tmp/bad.eif"
	bad_image 'magic|not an? (EIF|enclave image)|no (EIF|enclave image)'
}

other_architecture() {
	edit flags "$image" 1 "$tmp/bad.eif"
	bad_image 'arm64|aarch64|architecture'
}

larger_than_memory() {
	edit cmdline "$image" "$(edit_cmdline) pad" "$tmp/bad.eif"
	head -c 80000000 /dev/urandom > "$tmp/ramdisk"
	python3 - "$tmp/bad.eif" "$tmp/ramdisk" "$here" <<-'PYTHON'
	import runpy, sys
	target, ramdisk, here = sys.argv[1:]
	sys.argv = ["eif_edit.py", "extract", target, "cmdline", "/dev/null"]
	Image = runpy.run_path(here + "/lib/eif_edit.py")["Image"]
	image = Image(open(target, "rb").read())
	image.sections.append([3, 0, open(ramdisk, "rb").read()])
	image.fields[6] += 1
	open(target, "wb").write(image.pack())
	PYTHON
	remember
	refused 15 'memory' ne-emu run --memory 64 "$tmp/bad.eif"
	refused 20 'memory|beyond|outside|truncated|size' \
		ne-emu run --no-check --timeout 60 --memory 64 "$tmp/bad.eif"
}

edit_cmdline() {
	edit extract "$image" cmdline "$tmp/cmdline"
	cat "$tmp/cmdline"
}

# The guest's kernel finds no init, so the enclave ends before the heartbeat.
bad_kernel_command_line() {
	edit cmdline "$image" "$(edit_cmdline) rdinit=/nowhere panic=-1" "$tmp/bad.eif"
	remember
	refused 60 'before it had booted' ne-emu run "$tmp/bad.eif"
}

wrong_usage() {
	for line in "run" "run --memory lots $image" "run --cid 3 $image" "frobnicate"; do
		status=0
		# shellcheck disable=SC2086 # several words
		ne-emu $line > "$tmp/said" 2>&1 || status=$?
		echo "ne-emu $line: $status: $(cat "$tmp/said")"
		[ "$status" = 2 ]
	done
}

missing_file() {
	remember
	refused 2 'No such file' ne-emu run "$tmp/nothing.eif"
}

check "no supervisor" no_supervisor
check "a supervisor that may not serve" supervisor_not_allowed
check "no KVM" no_kvm
check "no free huge pages" no_huge_pages
check "no CPU pool" no_pool
check "image: no such file" missing_file
check "image: not one" not_an_image
check "image: truncated" truncated
check "image: corrupt" corrupt
check "image: other architecture" other_architecture
check "image: larger than the memory" larger_than_memory
check "image: bad kernel command line" bad_kernel_command_line
check "wrong usage: exit status 2" wrong_usage
finish
