#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# What the host learns about the end of an enclave: always the reason, even if the client
# closes the enclave first; no warning after success; nothing that controls a terminal.
#
# Once: the programs of abi check on each kernel what the module reports.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_host 80
need_daemon
need_image
need_program python3 socat

edit() {
	python3 "$here/lib/eif_edit.py" "$@"
}

# Load the CPUs so that processes have to wait.
start_load() {
	load=
	for _ in 1 2 3; do
		while :; do :; done &
		load="$load $!"
	done
}

stop_load() {
	# shellcheck disable=SC2086 # a list
	kill $load
}

# reasons_of TIMES [ARGUMENT]... - each time the record has the reason
reasons_of() {
	times=$1
	shift
	edit break "$image" "$tmp/bad.eif"
	start_load
	wrong=0
	for _ in $(seq "$times"); do
		fails "$cycle" -m 64 -i "$tmp/bad.eif" "$@" > "$tmp/a" 2>&1
		uid=$(value a uid)
		wait_for 10 has_exit_record "$uid"
		reason=$(exit_record "$uid" reason)
		[ "$reason" = bad-image ] || {
			echo "$uid: $reason: $(exit_record "$uid" text)"
			wrong=$((wrong + 1))
		}
	done
	stop_load
	echo "$wrong of $times without the reason"
	[ "$wrong" = 0 ]
}

# journal_since PRIORITY - lines of the supervisor and its VMMs since mark_journal
mark_journal() {
	journal_mark=$(journalctl -q -u ne-emud.service -n 0 --show-cursor | sed -n 's/^-- cursor: //p')
	[ -n "$journal_mark" ]
}

journal_since() {
	journalctl --sync
	journalctl -q -u ne-emud.service -o cat -p "$1" --after-cursor="$journal_mark"
}

# The guest uses its rings while its memory is taken away.
close_while_busy() {
	mark_journal
	for _ in 1 2 3 4 5 6; do
		run_image a
		cid=$(value a cid)
		echo_works "$cid"
		floods=
		for _ in 1 2 3; do
			timeout 60 socat -b 4096 "VSOCK-CONNECT:$cid:5005" \
				'SYSTEM:cat /dev/zero & cat > /dev/null' > /dev/null 2>&1 8>&- &
			floods="$floods $!"
		done
		sleep 0.5 # in the middle of it
		close_client a
		# shellcheck disable=SC2086 # a list
		wait $floods || :
	done
	journal_since warning > "$tmp/warnings"
	cat "$tmp/warnings"
	[ ! -s "$tmp/warnings" ]
}

# The kernel's panic repeats a word of its command line.
panic_with_escapes() {
	edit extract "$image" cmdline "$tmp/cmdline"
	edit cmdline "$image" "$(cat "$tmp/cmdline") rdinit=/x $(printf 'init=/a\033[31mb') panic=-1" \
		"$tmp/escapes.eif"
	mark_journal
	fails "$cycle" -m 128 -d -i "$tmp/escapes.eif" > "$tmp/a"
	uid=$(value a uid)
	wait_for 10 has_exit_record "$uid"
	journal_since info > "$tmp/lines"
	cat "$tmp/lines"
	grep -F 'kernel panic:' "$tmp/lines" | grep -qF 'a\x1b[31mb'
	fails grep -q "$(printf '[\001-\010\013-\037]')" "$tmp/lines"
	exit_record "$uid" text | grep -F 'a\x1b[31mb'
}

check "bad image: 12 launchers that wait for a heartbeat" reasons_of 12
check "bad image: 12 launchers that watch the enclave, too" reasons_of 12 -e
check "busy enclaves closed by their owner: no warning" close_while_busy
check "a panic with escape sequences" panic_with_escapes
finish
