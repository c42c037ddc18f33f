#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Which kernel complaints in sample logs scan-log.sh treats as known. TAP on stdout.

set -eu
# shellcheck source=../lib/case.sh
. "$(dirname "$0")/../lib/case.sh"

scan=scripts/vm/scan-log.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# mark TEXT - as kmsg-mark.sh does it
mark() {
	echo "[   90.000000] ne-emu-test: $1"
}

in_tree() {
	mark "abi/compare_drivers in-tree driver, kernel ${1:-6.12.57+deb13-cloud-amd64}, loaded: none"
}

# dying [MODULES] - the scheduler's warning that it did not empty a CPU
dying() {
	cat <<-END
	[  100.000001] ------------[ cut here ]------------
	[  100.000002] Dying CPU not properly vacated!
	[  100.000003] WARNING: CPU: 3 PID: 36 at kernel/sched/core.c:8225 sched_cpu_dying+0x1f5/0x210
	[  100.000004] Modules linked in:${1- nitro_enclaves} kvm_amd kvm [last unloaded: nitro_enclaves_emu(OE)]
	[  100.000005] CPU: 3 UID: 0 PID: 36 Comm: migration/3 Tainted: G           OE      6.12.57+deb13-cloud-amd64 #1
	[  100.000006] Call Trace:
	[  100.000007]  <TASK>
	[  100.000008]  ? __warn.cold+0x93/0xf6
	${2-}
	[  100.000009] ---[ end trace 0000000000000000 ]---
	[  100.000010] CPU3 enqueued tasks (2 total):
	END
}

int3() {
	cat <<-END
	[  200.000001] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI
	[  200.000002] CPU: 1 UID: 0 PID: 500 Comm: ne-emu-vmm Tainted: G           OE      6.12.57+deb13-cloud-amd64 #1
	[  200.000003] Call Trace:
	[  200.000004] ---[ end trace 0000000000000000 ]---
	[  200.000005] Kernel panic - not syncing: Fatal exception in interrupt
	END
}

# finds STATUS [TEXT] - scan the log on standard input; the output has the text, or is empty
finds() {
	cat > "$tmp/log"
	printf '[    0.000000] Linux version 6.12.57\n' > "$tmp/other"
	status=0
	"$scan" "$tmp/other" "$tmp/log" > "$tmp/out" 2>&1 || status=$?
	cat "$tmp/log" && echo "-- $status" && cat "$tmp/out"
	[ "$status" = "$1" ] || return 1
	if [ -n "${2-}" ]; then
		grep -qF "$2" "$tmp/out"
	else
		[ ! -s "$tmp/out" ]
	fi
}

known='known fault of the kernel (abi/compare_drivers, 6.12.57+deb13-cloud-amd64): Dying'
complaint='the kernel log holds a complaint:'

a_log_without_complaints_passes() {
	{ in_tree && echo "[   91.000000] smpboot: CPU 3 is now offline"; } | finds 0
}

a_known_fault_is_named_and_passes() {
	{ in_tree && dying; } | finds 0 "$known"
	fails grep -q "$complaint" "$tmp/out"
}

known_on_this_kernel_only() {
	{ in_tree 7.3.0-cloud-amd64 && dying; } | finds 1 "$complaint"
	{ in_tree 6.120.1 && dying; } | finds 1 "$complaint"
}

known_in_this_test_only() {
	{ in_tree | sed 's/compare_drivers/cpu_online_test/' && dying; } | finds 1 "$complaint"
	{ in_tree && mark "abi/compare_drivers ends, kernel 6.12.57, loaded: none" && dying; } |
		finds 1 "$complaint"
	dying | finds 1 "$complaint"
}

known_without_our_modules_only() {
	{ in_tree | sed 's/loaded: none/loaded: ne_emu_vsock/' && dying; } | finds 1 "$complaint"
	{ in_tree && dying " nitro_enclaves_emu(OE)"; } | finds 1 "$complaint"
	{ in_tree && dying " vsock ne_emu_vsock(OE)"; } | finds 1 "$complaint"
}

a_second_complaint_inside_a_known_one_counts() {
	{ in_tree && dying " kvm" "[  100.1] BUG: KASAN: slab-use-after-free in x"; } |
		finds 1 "BUG: KASAN"
}

a_complaint_behind_a_known_one_counts() {
	{ in_tree && dying && echo "[  101.0] WARNING: possible circular locking"; } |
		finds 1 "circular locking"
	grep -qF "$known" "$tmp/out"
	[ "$(grep -c Dying "$tmp/out")" = 1 ]
}

a_mark_inside_a_complaint_changes_nothing() {
	{ in_tree && dying | sed "3a\\
$(mark "abi/vcpu_test begins, kernel 6.12.57+deb13-cloud-amd64, loaded: none")"; } | finds 0 "$known"
}

a_complaint_that_is_cut_off_counts() {
	dying | head -n 4 | finds 1 "$complaint"
}

other_complaints_count() {
	for text in "BUG: unable to handle page fault" "watchdog: BUG: soft lockup - CPU#1" \
		"INFO: task ne-emud:77 blocked for more than 120 seconds." "Call Trace:" \
		"rcu: INFO: rcu_preempt self-detected stall on CPU" "refcount_t: underflow" \
		"kmemleak: 3 new suspected memory leaks (unreferenced object)"; do
		{ in_tree && echo "[  110.0] $text"; } | finds 1 "$text"
	done
}

of_the_topology_only_at_boot() {
	dying "" | sed 's/sched_cpu_dying/topology_sane.isra.0/; s/Dying.*/sched: not sane/' \
		> "$tmp/sane"
	finds 0 topology_sane < "$tmp/sane"
	{ in_tree && cat "$tmp/sane"; } | finds 1 "$complaint"
}

of_fault_injection_only_in_its_tests() {
	line="[  120.0] Huh VM_FAULT_OOM leaked out to the #PF handler. Retrying PF"
	{ mark "debug/fault_client_test begins, kernel 6.12.57, loaded: ne_emu_vsock" &&
		echo "$line"; } | finds 0 VM_FAULT_OOM
	{ mark "abi/vcpu_test begins, kernel 6.12.57, loaded: ne_emu_vsock" && echo "$line"; } |
		finds 1 "$complaint"
}

what_comes_after_power_down_does_not_count() {
	{ echo "[  130.0] reboot: Power down" && dying; } | finds 0
}

# The console of some kernels has no "cut here" line before a warning.
on_a_console_without_the_cut() {
	cat <<-END | finds 0 "known fault of the kernel (boot, ?): WARNING: .* topology_sane"
	[    0.060023] WARNING: arch/x86/kernel/smpboot.c:329 at topology_sane.isra.0+0xba/0x220, CPU#6: swapper/6/0
	[    0.060023] Modules linked in:
	[    0.060023] Call Trace:
	[    0.060023]  <TASK>
	[    0.060023] ---[ end trace 0000000000000000 ]---
	END
}

# After a fatal known fault the run is repeated, but its log is not clean.
a_fatal_fault_is_told_apart() {
	int3 | finds 1 "$complaint"
	"$scan" --died "$tmp/nowhere" "$tmp/log" > "$tmp/out"
	grep -q 'known fault of the kernel .*: Oops: int3: ' "$tmp/out"
	int3 | sed 's/int3/general protection fault/' > "$tmp/log"
	fails "$scan" --died "$tmp/log"
	{ in_tree && dying; } > "$tmp/log"
	fails "$scan" --died "$tmp/log"
}

a_log_that_is_missing_is_a_failure() {
	fails "$scan" "$tmp/nowhere"
}

marks_are_understood() {
	NE_TEST_KMSG=$tmp/kmsg tests/lib/kmsg-mark.sh abi/compare_drivers "in-tree driver"
	grep -qx '<4>ne-emu-test: abi/compare_drivers in-tree driver, kernel [^,]*, loaded: none' \
		"$tmp/kmsg"
}

# Marks the beginning and end of each program, and its own marks.
programs_are_marked() {
	cat > "$tmp/program" <<-'END'
	#!/bin/sh
	"$NE_TEST_MARK" "$NE_TEST_NAME" middle
	END
	chmod +x "$tmp/program"
	NE_TEST_MARK=$PWD/tests/lib/kmsg-mark.sh NE_TEST_KMSG=$tmp/marks \
		strict_append tests/lib/run-each.sh abi 10 "$tmp/program" > "$tmp/out"
	sed 's/, kernel.*//' "$tmp/marks" > "$tmp/steps"
	printf '<4>ne-emu-test: abi/program %s\n' begins middle ends | diff - "$tmp/steps"
}

# A FIFO keeps all writes, like /dev/kmsg; a file would keep only the last one.
strict_append() {
	mkfifo "$NE_TEST_KMSG.fifo"
	cat "$NE_TEST_KMSG.fifo" > "$NE_TEST_KMSG" &
	exec 3> "$NE_TEST_KMSG.fifo"
	NE_TEST_KMSG=$NE_TEST_KMSG.fifo "$@"
	exec 3>&-
	wait
}

begin lib/scan_log
check_each a_log_without_complaints_passes a_known_fault_is_named_and_passes \
	known_on_this_kernel_only known_in_this_test_only known_without_our_modules_only \
	a_second_complaint_inside_a_known_one_counts a_complaint_behind_a_known_one_counts \
	a_mark_inside_a_complaint_changes_nothing a_complaint_that_is_cut_off_counts \
	other_complaints_count of_the_topology_only_at_boot \
	on_a_console_without_the_cut of_fault_injection_only_in_its_tests \
	what_comes_after_power_down_does_not_count a_fatal_fault_is_told_apart \
	a_log_that_is_missing_is_a_failure marks_are_understood programs_are_marked
finish
