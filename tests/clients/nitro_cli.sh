#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# AWS's nitro-cli, unmodified: the installed one, or the one from the registry
# (crate-peer.sh).

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

PATH=$PATH:${NE_TEST_BIN-}
missing=$(cat "${NE_TEST_BIN-}/nitro-cli.missing" 2> /dev/null) || :
case $missing in
fail:*)
	echo "# ${missing#fail: }"
	echo "1..1"
	echo "not ok 1 X03 nitro-cli can be built"
	exit 1
	;;
skip:*) skip_all "${missing#skip: }" ;;
esac
command -v nitro-cli > /dev/null || skip_all "nitro-cli is not installed"
need_program python3 socat
need_host 160
need_daemon
need_image

# The setup that its packages do.
mkdir -p /var/log/nitro_enclaves /run/nitro_enclaves
: "${NITRO_CLI_BLOBS:=/usr/share/nitro_enclaves/blobs}"
export NITRO_CLI_BLOBS

# value KEY FILE - print a value of the first object in the file
json_value() {
	python3 -c 'import json, sys
d = json.load(open(sys.argv[2]))
print((d[0] if isinstance(d, list) else d)[sys.argv[1]])' "$1" "$2"
}

run_enclave() {
	timeout 120 nitro-cli run-enclave --eif-path "$image" --memory 128 --cpu-count 2 "$@" \
		> "$tmp/run.json" 2> "$tmp/run.err" || {
		cat "$tmp/run.err"
		return 1
	}
	id=$(json_value EnclaveID "$tmp/run.json")
	cid=$(json_value EnclaveCID "$tmp/run.json")
}

describe() {
	nitro-cli describe-enclaves > "$tmp/describe.json"
}

terminate() {
	timeout 30 nitro-cli terminate-enclave --enclave-id "$id" > "$tmp/terminate.json"
	[ "$(json_value Terminated "$tmp/terminate.json")" = True ]
}

life() {
	remember
	run_enclave "$@"
	describe
	[ "$(json_value State "$tmp/describe.json")" = RUNNING ]
	[ "$(json_value EnclaveCID "$tmp/describe.json")" = "$cid" ]
	[ "$(json_value MemoryMiB "$tmp/describe.json")" = 128 ]
	echo_works "$cid"
	terminate
	describe
	[ "$(tr -d '[:space:]' < "$tmp/describe.json")" = '[]' ]
	same_as_before
}

console() {
	remember
	run_enclave --debug-mode
	timeout 60 nitro-cli console --enclave-id "$id" > "$tmp/console" 2>&1 &
	reader=$!
	wait_for 20 grep -a -q 'payload: ' "$tmp/console"
	grep -a -q 'Linux version' "$tmp/console"
	terminate
	wait "$reader"
	same_as_before
}

chosen_cid() {
	life --enclave-cid 44
}

# Its process notices the end of the guest.
guest_ends() {
	remember
	run_enclave
	control "$cid" reboot
	wait_for 20 none_left
	same_as_before
}

none_left() {
	describe
	[ "$(tr -d '[:space:]' < "$tmp/describe.json")" = '[]' ]
}

# It ends before its timeout of 180 s.
bad_image() {
	python3 "$here/../lifecycle/lib/eif_edit.py" cmdline "$image" \
		'console=ttyS0 rdinit=/nowhere panic=-1' "$tmp/bad.eif"
	remember
	begin=$(now_ms)
	fails timeout 120 nitro-cli run-enclave --eif-path "$tmp/bad.eif" --memory 128 \
		--cpu-count 2
	took=$(($(now_ms) - begin))
	echo "after $took ms"
	[ "$took" -lt 60000 ]
	same_as_before
}

check "X03 run, describe, terminate" life
check "X03 again" life
check "X03 chosen CID" chosen_cid
check "X03 console" console
check "X03 guest ends on its own" guest_ends
check "X03 image that does not boot: reported at once" bad_image
finish
