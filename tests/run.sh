#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs parts of the tests and prints "N passed, N failed, N skipped" as the last line.
# Fails if a test failed or none ran.
#
# usage: run.sh PART...
#
# style: sources, scripts, licences, generated files
# build: modules for all supported kernels, and userspace, without warnings
# unit: userspace, with ASan and UBSan
# eif: images, exchanged with AWS's library; alone also the image tests of unit and lifecycle
# attest: attestation documents and requests, with third-party verifiers and decoders
# kunit: the driver, in a separate kernel
# abi: ioctls, vsock and netlink, in the VM, both kernels
# lifecycle: starts and ends of enclaves, in the VM, both kernels
# clients: unmodified third-party clients, in the VM, both kernels
# container: container images as enclaves, and their exit status, in the VM, both kernels
# daily: what users type every day, and hosts that are broken, in the VM, both kernels
# inside: looking into enclaves, in the VM, both kernels
# vsock: the kernel's vsock programs, other transports, captures, in the VM, both kernels
# nsm: tests of unit, attest and lifecycle that concern /dev/nsm (not part of "check")
# debug: abi and lifecycle on a kernel with KASAN and lockdep (not part of "check")
# quick: style, userspace and unit, for use before each commit (not part of "check")
# analyze: clang-tidy and cppcheck over userspace (not part of "check")
# lint: checkers for packages, manuals, units and licences (not part of "check")
# packages: DKMS, with the headers of both kernels (not part of "check")
# install: the Debian packages on a plain machine, up to their purge (not part of "check")
# reproducible: two builds of the enclave kernel and the sample image (not part of "check")
#
# DIRECTORY/PROGRAM, such as abi/vcpu_test or vsock/coexist.sh: one program, in the VM,
# both kernels
#
# KERNEL=SERIES runs only that line of scripts/root/kernels. With enough memory, the VMs of
# both kernels run at the same time. Complete logs are in build/log.
#
# After abi, prints a table of the conformance cases. A case that no VM could run is a
# failure.

set -eu
# shellcheck source=../scripts/root/lib.sh
. "$(dirname "$0")/../scripts/root/lib.sh"
# shellcheck source=lib/peer.sh
. "$top/tests/lib/peer.sh"

logs=$top/build/log
ktap=$top/tests/lib/ktap.sh
work=$(mktemp -d)
jobs=
# shellcheck disable=SC2086 # a list
trap '[ -z "$jobs" ] || kill -- $jobs; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$logs"

stage=0

is_vm_part() {
	case $1 in
	abi | lifecycle | clients | container | daily | inside | vsock | */*) true ;;
	*) false ;;
	esac
}

# All parts in the VM share one boot of each kernel and are one stage, the last.
count_stages() {
	for part; do
		if is_vm_part "$part"; then echo vm; else echo "$part"; fi
	done | sort -u | wc -l
}

heading() {
	printf '\n== %s (%s of %s)\n' "$*" "$stage" "$stages"
}

# count PASSED FAILED SKIPPED
count() {
	echo "$1 $2 $3" >> "$work/counts"
}

# count_missing WHAT "skip: REASON"|"fail: REASON" - count what ask_for_peer printed
count_missing() {
	case $2 in
	skip:*)
		echo "  SKIP $1: ${2#skip: }"
		count 0 0 1
		;;
	*)
		echo "  FAIL $1: ${2#fail: }"
		count 0 1 0
		;;
	esac
}

# count_results PART COMMAND... - run a command whose output is that of run-each.sh
count_results() {
	part=$1
	shift
	heading "$part"
	{
		"$@" 2>&1 || echo $? > "$work/status"
	} | tee "$logs/$part.log" | "$ktap" "$work/counts"
	[ ! -e "$work/status" ] || {
		rm "$work/status"
		count 0 1 0
		echo "  FAIL $part did not run to its end, see $logs/$part.log"
	}
}

# in_root PART ARGUMENT... - count_results in the build root
in_root() {
	part=$1
	shift
	count_results "$part" "$root_dir/enter.sh" "$@"
}

# on_its_own PART SCRIPT - run a script that prints its own total
on_its_own() {
	part=$1 script=$2
	heading "$part"
	"$script" 2>&1 | tee "$logs/$part.output" |
		grep --line-buffered -E '^ *not ok|FAIL|the kernel stopped|was stopped|complaint|known fault|^[a-z.-]+\.sh: ' || :
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' \
		"$logs/$part.output" | tail -n 1)
	if [ -n "$line" ]; then
		echo "$part: $line"
		# shellcheck disable=SC2046 # three numbers
		count $(echo "$line" | tr -cd '0-9 ')
		# Failures after the tests, above all in the kernel log.
		! grep -qE 'the kernel stopped|complaint' "$logs/$part.output" ||
			count 0 1 0
	else
		tail -n 30 "$logs/$part.output"
		count 0 1 0
	fi
}

# Two VMs use two processors better than one does; each has 6 GiB.
room_for_two() {
	available=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo)
	[ "$(nproc)" -ge 2 ] && [ "$available" -gt $((14 << 20)) ]
}

# start_kernel SERIES "--first"|"--again"|"" PROGRAM... - in a new session, so that all its processes
# can be killed
start_kernel() {
	series=$1
	: > "$work/output.$series"	# await_kernels may read it before the job writes
	setsid "$top/tests/lib/on-kernel.sh" "$work/counts.$series" "$@" \
		> "$work/output.$series" 2>&1 < /dev/null &
	jobs="$jobs -$!"
	echo "$series $!" >> "$work/jobs"
}

# Show the first kernel's output as it comes, then the output of the others.
await_kernels() {
	while read -r series pid; do
		tail -n +1 -s 0.5 --pid="$pid" -f "$work/output.$series"
		wait "$pid" || count 0 1 0
	done < "$work/jobs"
	jobs=
	cat "$work"/counts.* >> "$work/counts"
	rm "$work"/counts.* "$work/jobs"
}

# Put AWS's client into the payload, or the reason why it is missing.
add_nitro_cli() {
	folder=$work/nitro-cli/opt/ne-emu/bin
	mkdir -p "$folder"
	peer=$(ask_for_peer "$logs/nitro-cli.log" "$top/tests/lib/crate-peer.sh" nitro-cli)
	case $peer in
	/*) cp "$peer/nitro-cli" "$folder/" ;;
	*) echo "$peer" > "$folder/nitro-cli.missing" ;;
	esac
	tar -C "$work/nitro-cli" -r --owner=0 --group=0 -f "$top/build/vm/payload.tar" \
		./opt/ne-emu/bin
}

run_vm_parts() {
	make -s -C "$top" payload
	printf '\n== in the VM (%s of %s): %s\n' "$stage" "$stages" "$*"
	if has clients "$@" || has clients/nitro_cli.sh "$@"; then
		add_nitro_cli
	fi
	# shellcheck disable=SC2046 # a list
	set -- "$@" $(cases_elsewhere "$@") $(vsock_elsewhere "$@")
	logs_of_cases=
	together=
	! room_for_two || together=1
	kernels=${KERNEL:-$(list "$root_dir/kernels")}
	! only_once "$@" || kernels=$(echo "$kernels" | head -n 1)
	share=
	[ "$(echo "$kernels" | wc -w)" = 1 ] || share=--first
	for series in $kernels; do
		start_kernel "$series" "$share" "$@"
		[ -n "$together" ] || await_kernels
		share=--again
		logs_of_cases="$logs_of_cases $series=$logs/vm-$series.log"
		logs_of_cases="$logs_of_cases $series=$logs/vm-$series-nodes.log"
	done
	[ -z "$together" ] || await_kernels
	! has abi "$@" || {
		heading "conformance cases"
		# shellcheck disable=SC2086 # a list
		"$top/tests/abi/lib/coverage.sh" "$work/counts" $logs_of_cases
	}
}

# only_once PROGRAM... - is one kernel enough for all of them?
only_once() {
	for program; do
		grep -qs '^# Once[:,]' "$top/tests/$program" || return 1
	done
}

# has WORD WORD... - is the first among the others?
has() {
	case " $(shift && echo "$*") " in
	*" $1 "*) true ;;
	*) false ;;
	esac
}

# With abi alone, the programs with conformance cases in other directories.
cases_elsewhere() {
	has abi "$@" || return 0
	has lifecycle "$@" || echo lifecycle/endings.sh
	has clients "$@" || echo clients/ioctl_sample.sh clients/qemu_nitro.sh
}

# With vsock but not abi, the vsock programs of abi.
vsock_elsewhere() {
	has vsock "$@" && ! has abi "$@" || return 0
	find "$top/tests/abi" -name 'vsock_*_test.c' -printf 'abi/%f\n' |
		sed 's/\.c$//' | sort
}

run_eif() {
	peers=
	for version in 0.3.0 0.8.1; do
		peer=$(ask_for_peer "$logs/eif-peer-$version.log" \
			"$top/tests/eif/peer.sh" "$version")
		case $peer in
		/*) peers="$peers $peer" ;;
		*) count_missing "eif: AWS's library $version" "$peer" ;;
		esac
	done
	# shellcheck disable=SC2086 # a list
	[ -z "$peers" ] || in_root eif tests/eif/run.sh $peers
}

# packaging/deb.sh builds the packages in the same root.
run_lint() {
	if "$top/packaging/deb.sh" "$top/build/deb"; then
		in_root lint --root deb tests/lint/run.sh build/deb
	else
		count 0 1 0
	fi
}

# peer KIND - print the result of ask_for_peer
peer() {
	ask_for_peer "$logs/attest-$1.log" "$top/tests/attest/peer.sh" "$1"
}

run_attest() {
	go=$(peer go)
	rust=$(peer rust)
	api=$(peer nsm-api)
	ec2=$(peer ec2)
	in_root attest tests/attest/run.sh "$go" "$rust" "$api" "$ec2"
}

vm_folders=
[ $# -gt 0 ] || die "usage: run.sh PART..."
stages=$(count_stages "$@")
for part; do
	is_vm_part "$part" || stage=$((stage + 1))
	case $part in
	style) in_root style tests/style/run.sh ;;
	build) in_root build tests/build/run.sh "$("$root_dir/headers.sh")" ;;
	unit) in_root unit tests/unit/run.sh ;;
	eif)
		run_eif
		has unit "$@" || in_root unit tests/unit/run.sh eif cose loader pack layer archives
		has lifecycle "$@" || vm_folders="$vm_folders lifecycle/images.sh"
		;;
	attest) run_attest ;;
	nsm)
		in_root unit tests/unit/run.sh nsm cose ca attest config cli_attest
		run_attest
		vm_folders="$vm_folders lifecycle/attest.sh lifecycle/lab.sh"
		;;
	kunit) on_its_own kunit "$top/tests/kunit/run.sh" ;;
	quick)
		in_root style tests/style/run.sh
		in_root build tests/build/run.sh userspace
		in_root unit tests/unit/run.sh
		;;
	analyze) in_root analyze --root fuzz tests/analyze/run.sh ;;
	lint) run_lint ;;
	packages) in_root packages --root deb tests/packages/run.sh ;;
	reproducible) in_root reproducible tests/reproducible/run.sh build/reproducible ;;
	install)
		# shellcheck disable=SC2046,SC2086 # lists
		count_results install "$top/tests/install/run.sh" \
			${KERNEL:-$(list "$root_dir/kernels")}
		;;
	debug) on_its_own debug "$top/tests/debug/run.sh" ;;
	*)
		is_vm_part "$part" || die "no part $part"
		vm_folders="$vm_folders $part"
		;;
	esac
done
# All of these share one boot of each kernel.
# shellcheck disable=SC2086 # a list
[ -z "$vm_folders" ] || {
	stage=$stages
	run_vm_parts $vm_folders
}

echo
awk '
	{ passed += $1; failed += $2; skipped += $3 }
	END {
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
		exit failed || !passed
	}' "$work/counts"
