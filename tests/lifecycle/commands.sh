#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Executes every block of commands in README.md, install.rst, troubleshooting.rst, ci.rst,
# hacking.rst and the workflow, with files like a user's. Where it is easy, the problem that
# a page describes is provoked first: its message must appear, and disappear after the
# commands.
#
# Once, on another kernel: the commands are the same on each kernel.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3 jq busybox qemu-system-x86_64
need_host 320
need_daemon
need_image

docs=$here/docs
pages=$docs/pages
files=$tmp/files
unit_conf=/etc/ne-emu/enclaves/web.conf

# Prints why a block cannot be executed here, or nothing.
reason_not_to() {
	case $1 in
	"make demo"*) echo "this makes the machine in which the test runs" ;;
	"make vm-run"*) echo "the same" ;;
	"make deb"* | "make
"* | "sudo make dkms-tree"*) echo "executed by check-install" ;;
	"sudo mokutil"*) echo "there is no firmware with Secure Boot" ;;
	*podman*) echo "there is no container engine" ;;
	"patch "* | scripts/root/enter.sh*) echo "executed by check-unit" ;;
	*) return 1 ;;
	esac
}

### Files ###

make_files() {
	mkdir "$files"
	cp "$image" "$files/image.eif"
	ne-emu eif extract "$image" "$tmp/parts"
	cp "$tmp/parts/kernel" "$files/bzImage"
	cp "$tmp/parts/cmdline" "$files/cmdline"
	cp "$tmp/parts/ramdisk0" "$files/init.cpio.gz"
	cp "$tmp/parts/ramdisk1" "$files/app.cpio.gz"
	cp "$image" "$files/old.eif"
	python3 "$here/lib/certificate.py" "$files/key.pem" "$files/cert.pem"
	cat > "$files/get-document" <<-END
	#!/bin/sh
	python3 "$here/lib/nsm_ask.py" -o /dev/stdout "\$1" Attestation "nonce=0x\$2"
	END
	chmod +x "$files/get-document"
	mkdir -p /etc/nitro_enclaves
	printf 'memory_mib: 512\ncpu_count: 2\n' > /etc/nitro_enclaves/allocator.yaml
	document --debug > "$files/debug-document"
	document > "$files/document"
}

# document [--debug] - get a document of an enclave with the nonce of README.md
document() {
	ne-emu run --memory 128 --detach "$@" "$image" >&2
	"$files/get-document" "$(ne-emu ps --json | jq '.[0].EnclaveCID')" 0102
	ne-emu stop --all >&2
}

### Faults ###

# says TEXT COMMAND... - the command fails and prints the text
says() {
	says_text=$1
	shift
	fails "$@" > "$tmp/said" 2>&1
	grep -q -e "$says_text" "$tmp/said" || {
		cat "$tmp/said"
		return 1
	}
}

# Sockets that have just closed hold the transport for up to 8 s.
unload() {
	wait_for 20 modprobe -r "$@" 2> /dev/null
}

unload_emulator() {
	systemctl stop ne-emud.service
	unload ne_emu_vsock nitro_enclaves_emu
}

fault_not_loaded() {
	unload_emulator
	says 'there is no such device; load it with' ne-emu run image.eif
	says 'nitro_enclaves_emu is not loaded' ne-emu doctor
}

fault_no_supervisor() {
	systemctl stop ne-emud.service
	says 'ne-emud is not running, so enclaves cannot be started' ne-emu doctor
}

fault_no_pool() {
	echo > "$pool_file" || :
	says 'the CPU pool is empty or other enclaves' ne-emu run image.eif
	says 'the CPU pool is empty' ne-emu doctor
}

fault_no_pages() {
	echo 0 > /proc/sys/vm/nr_hugepages
	says 'not enough free huge pages' ne-emu run image.eif
	says 'MiB of huge pages are free; an enclave needs at least 64' ne-emu doctor
}

fault_offline() {
	echo 0 > /sys/devices/system/cpu/cpu5/online
}

fault_other_transport() {
	unload ne_emu_vsock
	modprobe vmw_vsock_virtio_transport
	says 'transport vmw_vsock_virtio_transport is loaded instead' ne-emu doctor
}

fault_vhost() {
	modprobe vhost_vsock
	ne-emu doctor > "$tmp/said"
	grep -q 'vhost_vsock is loaded' "$tmp/said"
}

fault_aws_driver() {
	unload_emulator
	modprobe nitro_enclaves
	log_mark
	fails modprobe nitro_enclaves_emu
	log_since | grep 'the AWS driver nitro_enclaves is loaded'
}

# refused_list TEXT - the kernel log has this text about half a core
refused_list() {
	log_mark
	fails sh -c "echo 2 > $pool_file"
	log_since | grep "$1"
}

enclave_runs() {
	ne-emu run --memory 128 --detach --name web image.eif
}

# The file that README shows, for the sample image.
unit_file() {
	mkdir -p "${unit_conf%/*}"
	printf 'image = %s\nmemory = 128\n' "$image" > "$unit_conf"
}

# before TITLE FIRST_LINE - set up the problem before the commands
before() {
	fault=1
	case $1 in
	"The module is not loaded") fault_not_loaded ;;
	"The supervisor does not run") fault_no_supervisor ;;
	"The CPU pool is empty or used up" | "The pool is empty") fault_no_pool ;;
	"There are not enough huge pages") fault_no_pages ;;
	"A CPU is offline") fault_offline ;;
	"The local CID is not 3") fault_other_transport ;;
	"Connections to enclaves fail beside vhost_vsock") fault_vhost ;;
	"The driver for EC2"*) fault_aws_driver ;;
	*) fault= ;;
	esac
	case $1:$2 in
	*:"ne-emu lab set"*) enclave_runs ;;
	*:"sudo systemctl enable --now ne-emu@web") unit_file ;;
	"The list of CPUs is refused:sudo ne-emu setup"*)
		refused_list 'CPU 3 is not in CPU pool'
		;;
	"The list of CPUs is refused:sudo ne-emu stop"*)
		enclave_runs
		refused_list 'The CPU pool is used by enclave(s)'
		;;
	esac
}

# after TITLE - check that the problem is fixed; the pool is lost with the module
after() {
	[ ! -e "$unit_conf" ] || systemctl -q disable --now ne-emu@web
	rm -f "$unit_conf"
	case $1 in
	"The module is not loaded" | "The driver for EC2"*)
		[ -d /sys/module/nitro_enclaves_emu ] || modprobe nitro_enclaves_emu
		wait_for 20 systemctl -q is-active ne-emud.service
		pool_is_free
		;;
	"Connections to enclaves fail beside vhost_vsock") [ ! -d /sys/module/vhost_vsock ] ;;
	"Run the enclave" | "Verify that it attests itself") return ;;
	esac
	ne-emu stop --all
	[ -z "$fault" ] || ne-emu doctor > "$tmp/doctor" || {
		cat "$tmp/doctor"
		return 1
	}
}

### Blocks ###

execute() {
	cd "$files"
	before "$2" "$3"
	export tmp here
	# shellcheck disable=SC2016 # the inner shell's
	timeout 150 bash -eu -o pipefail -c '. "$0/stand_ins.sh"; set -x; . "$1"' "$docs" "$1"
	after "$2"
}

execute_page() {
	mkdir "$tmp/blocks"
	python3 "$docs/blocks.py" "$pages/$1" "$tmp/blocks"
	for block in "$tmp"/blocks/[0-9][0-9]; do
		title=$(cat "$block.title")
		first=$(head -n 1 "$block")
		name="$1, $title: $first"
		if why=$(reason_not_to "$(cat "$block")"); then
			check "$name" skip "$why"
		else
			check "$name" execute "$block" "$title" "$first"
		fi
	done
	rm -r "$tmp/blocks"
}

# The statement of ci.rst about the namespaces of a container.
in_namespaces() {
	unshare --net --mount --pid --ipc --uts --fork --mount-proc \
		timeout 60 ne-emu run --memory 128 --debug --console "$image" > "$tmp/console" 2>&1 &
	wait_for 50 grep -a -q 'payload: ready' "$tmp/console"
	ne-emu stop --all
	wait
}

check "files" make_files
for page in README.md install.rst troubleshooting.rst github-workflow.yml ci.rst hacking.rst; do
	execute_page "$page"
done
check "an enclave started in new namespaces" in_namespaces
ne-emu setup --undo > /dev/null || :
rm -f /etc/nitro_enclaves/allocator.yaml
finish
