#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Faults on request with real enclaves, and how nitro-cli, QEMU and "ne-emu run" meet them.
#
# Once, on another kernel: this tests userspace.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

qemu=${QEMU:-qemu-system-x86_64}
PATH=$PATH:${NE_TEST_BIN-}

need_program ne-emu python3 socat
need_host 160
need_daemon
need_image

set_next() {
	ne-emu lab set "$@"
}

# took MIN MAX COMMAND... - it succeeds within this time in milliseconds; slow machines get more
took() {
	min=$1 max=$(($2 * ${NE_SLOWNESS:-1}))
	shift 2
	begin=$(now_ms)
	"$@"
	duration=$(($(now_ms) - begin))
	echo "$*: $duration ms"
	[ "$duration" -ge "$min" ] && [ "$duration" -le "$max" ]
}

ask() {
	timeout 90 python3 "$here/../lifecycle/lib/nsm_ask.py" "$cid" "$@" > "$tmp/answer"
}

nsm_error() {
	for name in InvalidResponse InternalError; do
		ne-emu lab set "$cid" "nsm-error=$name:op=DescribeNSM:count=1"
		ask DescribeNSM
		[ "$(cat "$tmp/answer")" = "{\"Error\": \"$name\"}" ]
	done
	ask DescribeNSM
	grep -q module_id "$tmp/answer"
}

# The same settings hit the same requests.
nsm_is_reproducible() {
	for run in 1 2; do
		ne-emu lab set "$cid" nsm-error=InternalError:op=DescribeNSM:p=0.5 fault-seed=7
		: > "$tmp/run$run"
		for _ in 1 2 3 4 5; do
			ask DescribeNSM
			cut -c 1-10 "$tmp/answer" >> "$tmp/run$run"
		done
	done
	cat "$tmp/run1"
	cmp "$tmp/run1" "$tmp/run2"
	[ "$(sort -u "$tmp/run1" | wc -l)" = 2 ]
}

nsm_latency() {
	ne-emu lab set "$cid" nsm-error=none nsm-latency=700ms:op=DescribeNSM
	took 700 20000 ask DescribeNSM
	ne-emu lab set "$cid" nsm-latency=none
}

nsm_entropy() {
	ne-emu lab set "$cid" nsm-entropy=empty
	ask GetRandom
	[ "$(cat "$tmp/answer")" = '{"GetRandom": {"random": ""}}' ]
	ne-emu lab reset "$cid"
	ask GetRandom
	[ "$(wc -c < "$tmp/answer")" -gt 512 ]
}

vsock_refuse() {
	ne-emu lab set "$cid" vsock-refuse=on:port=5005:from=host:count=1
	fails vsock_exchange "$cid" 5005 hello 2> "$tmp/err"
	grep 'Connection reset by peer' "$tmp/err"
	echo_once "$cid"
}

# Four bytes to the enclave and three back.
vsock_reset() {
	ne-emu lab set "$cid" vsock-refuse=none vsock-reset=7:port=5005:count=1
	vsock_exchange "$cid" 5005 echo > "$tmp/answer" || true
	[ "$(cat "$tmp/answer")" = ech ]
	echo_once "$cid"
}

vsock_delay() {
	ne-emu lab set "$cid" vsock-reset=none vsock-delay=300ms:port=5005
	# Request, response, data, echo.
	took 1200 20000 echo_once "$cid"
	ne-emu lab set "$cid" vsock-delay=none
}

vsock_rate() {
	ne-emu lab set "$cid" vsock-rate=10:port=5005
	# 10 bytes there and 10 back, at 10 bytes per second each.
	took 1000 20000 vsock_exchange "$cid" 5005 0123456789 > "$tmp/answer"
	grep 0123456789 "$tmp/answer"
	ne-emu lab reset "$cid"
	echo_works "$cid"
}

stall() {
	ne-emu lab set "$cid" stall=1500ms:at=connection:count=1
	took 1200 20000 echo_works "$cid"
	ne-emu lab reset "$cid"
}

# The supervisor that follows knows what is set, and its VMM goes on with it.
supervisor_restarts() {
	ne-emu lab set "$cid" nsm-error=InternalError:op=DescribeNSM:after=1
	ask DescribeNSM
	systemctl restart ne-emud.service
	ne-emu lab show "$cid" | grep '^nsm-error *InternalError:op=DescribeNSM:after=1$'
	ask DescribeNSM
	[ "$(cat "$tmp/answer")" = '{"Error": "InternalError"}' ]
	fails ne-emu lab set "$cid" image-flip=1 2> "$tmp/err"
	grep 'can only be set before an enclave starts' "$tmp/err"
}

strangers() {
	fails setpriv --reuid 65534 --regid "$(getent group ne | cut -d : -f 3)" --clear-groups \
		ne-emu lab set "$cid" crash=triple-fault 2> "$tmp/err"
	grep 'belongs to' "$tmp/err"
	echo_works "$cid"
}

nsm_hang() {
	ne-emu lab set "$cid" nsm-hang=on:op=DescribeNSM
	fails timeout 5 python3 "$here/../lifecycle/lib/nsm_ask.py" "$cid" DescribeNSM
	# The rest of the enclave works.
	echo_works "$cid"
}

triple_fault() {
	ne-emu lab set "$cid" crash=triple-fault:at=connection
	vsock_exchange "$cid" 5005 hello || true
	wait_said 20 a hangup
	uid=$(value a uid)
	wait_for 10 has_exit_record "$uid"
	exit_record "$uid" text | grep 'triple fault (lab setting crash)'
}

nmi_panic() {
	python3 "$here/../lifecycle/lib/eif_edit.py" extract "$image" cmdline "$tmp/cmdline"
	python3 "$here/../lifecycle/lib/eif_edit.py" cmdline "$image" \
		"$(cat "$tmp/cmdline") unknown_nmi_panic" "$tmp/nmi.eif"
	set_next crash=nmi:at=heartbeat
	fails timeout 90 ne-emu run --memory 128 --debug --console "$tmp/nmi.eif" \
		> "$tmp/console" 2> "$tmp/err"
	cat "$tmp/err"
	grep -a 'Kernel panic - not syncing: NMI' "$tmp/console"
	grep 'panic' "$tmp/err"
}

start_error() {
	set_next start-error=ETIME
	fails ne-emu run --memory 128 --detach "$image" 2> "$tmp/err"
	cat "$tmp/err"
	grep 'lab setting start-error' "$tmp/err"
}

image_flip() {
	set_next image-flip=40000
	fails timeout 60 ne-emu run --memory 128 --detach "$image" 2> "$tmp/err"
	cat "$tmp/err"
	grep -i 'checksum\|CRC' "$tmp/err"
}

# The enclave's time of day, seconds.
enclave_time() {
	echo_works "$(value b cid)" > /dev/null
	echo time | timeout 20 socat -t 10 - "VSOCK-CONNECT:$(value b cid):5007"
}

clock_skew() {
	set_next clock-skew=-400d
	run_image b
	wrong=$(($(date +%s) - 400 * 86400 - $(enclave_time)))
	close_client b
	echo "$wrong s"
	[ "$wrong" -ge -5 ] && [ "$wrong" -le 30 ]
	run_image b
	wrong=$(($(date +%s) - $(enclave_time)))
	close_client b
	echo "$wrong s"
	[ "$wrong" -ge -5 ] && [ "$wrong" -le 30 ]
}

heartbeat_missing() {
	set_next heartbeat=missing
	fails timeout 60 ne-emu run --memory 128 --detach --timeout 8 "$image" 2> "$tmp/err"
	cat "$tmp/err"
	wait_for 10 no_vmm
}

heartbeat_late() {
	set_next heartbeat-delay=2s
	took 2000 90000 run_image b
	echo_works "$(value b cid)"
	close_client b
}

need_nitro_cli() {
	command -v nitro-cli > /dev/null && return 0
	skip "nitro-cli is not installed"
	return 1
}

nitro_cli() {
	mkdir -p /var/log/nitro_enclaves /run/nitro_enclaves
	: "${NITRO_CLI_BLOBS:=/usr/share/nitro_enclaves/blobs}"
	export NITRO_CLI_BLOBS
	timeout 100 nitro-cli run-enclave --eif-path "$image" --memory 128 --cpu-count 2 \
		> "$tmp/run.json" 2> "$tmp/err" && return 0
	cat "$tmp/err"
	return 1
}

nitro_cli_start_error() {
	need_nitro_cli || return 0
	set_next start-error=ENOMEM
	fails nitro_cli
	grep 'E39\|E36\|E35' "$tmp/err"
	wait_for 10 no_vmm
}

nitro_cli_image_flip() {
	need_nitro_cli || return 0
	set_next image-flip=40000
	took 0 60000 fails nitro_cli
	grep 'E39' "$tmp/err"
	wait_for 10 no_vmm
}

# Its process notices the end, and does not wait for three minutes.
nitro_cli_no_heartbeat() {
	need_nitro_cli || return 0
	set_next heartbeat=missing crash=triple-fault:at=5s
	took 0 60000 fails nitro_cli
	grep 'E39' "$tmp/err"
	wait_for 10 no_vmm
}

nitro_cli_wrong_heartbeat() {
	need_nitro_cli || return 0
	set_next heartbeat=wrong
	took 0 60000 fails nitro_cli
	grep 'E36' "$tmp/err"
	wait_for 10 no_vmm
}

nitro_cli_two_heartbeats() {
	need_nitro_cli || return 0
	set_next heartbeat=twice
	nitro_cli
	nitro-cli terminate-enclave --all > /dev/null
	wait_for 10 no_vmm
}

need_qemu() {
	command -v "$qemu" > /dev/null && "$qemu" -accel help | grep -qx nitro && return 0
	skip "$qemu has no nitro accelerator"
	return 1
}

# become_qemu SECONDS - in place of this shell, so that a signal reaches it
become_qemu() {
	exec timeout "$1" "$qemu" -accel nitro -M nitro -smp 2 -m 128M -display none -serial none \
		-monitor none -trace 'nitro_*' -kernel "$image" < /dev/null > "$tmp/err" 2>&1
}

run_qemu() (
	become_qemu "$1"
)

qemu_start_error() {
	need_qemu || return 0
	set_next start-error=ENOMEM
	fails run_qemu 60
	cat "$tmp/err"
	grep 'Cannot allocate memory\|failed' "$tmp/err"
	wait_for 10 no_vmm
}

# QEMU takes any byte for the heartbeat.
qemu_wrong_heartbeat() {
	need_qemu || return 0
	set_next heartbeat=wrong
	become_qemu 90 &
	wait_for 80 grep -q nitro_heartbeat_done "$tmp/err"
	kill $!
	wait || true
	wait_for 10 no_vmm
	wait_for 10 pool_is_free
}

# A process started in a check ends with it, so start the enclave here.
run_image a
cid=$(value a cid)
echo_works "$cid" > /dev/null
check_each nsm_error nsm_is_reproducible nsm_latency nsm_entropy vsock_refuse vsock_reset \
	vsock_delay vsock_rate stall supervisor_restarts strangers nsm_hang triple_fault
close_client a || true
check_each nmi_panic start_error image_flip clock_skew heartbeat_missing heartbeat_late \
	nitro_cli_start_error nitro_cli_image_flip nitro_cli_no_heartbeat \
	nitro_cli_wrong_heartbeat nitro_cli_two_heartbeats qemu_start_error qemu_wrong_heartbeat
ne-emu lab reset
finish
