#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Where the time of a start went, of real enclaves.
#
# Once, on another kernel: the kernel of the host has no part in it.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3 setpriv
need_host 160
need_daemon
need_image

forget() {
	result=$?
	set +e
	ne-emu stop first second > /dev/null 2>&1
	(exit "$result")
	undo
}
trap forget EXIT

# start NAME OPTION... - returns once the enclave has booted
start() {
	name=$1
	shift
	timeout 90 ne-emu run --memory 128 --detach --name "$name" "$@" "$image"
}

# holds ENCLAVE EXPRESSION - of the times "at" and "took", microseconds by name, and of "d"
holds() {
	ne-emu timeline "$1" --json > "$tmp/json"
	python3 - "$tmp/json" "$2" <<-'PYTHON'
	import json, sys
	d = json.load(open(sys.argv[1]))
	at = {entry["Name"]: entry["AtUs"] for entry in d["Moments"]}
	took = {entry["Name"]: entry["DurationUs"] for entry in d["Phases"]}
	if not eval(sys.argv[2]):
	    sys.exit(f"not so: {sys.argv[2]}\n{at}\n{took}")
	PYTHON
}

# In the order in which they must happen.
CHAIN='create created filled donated cpus start request process built running measured loaded run
console heartbeat'

production_enclave() {
	start first
	holds first "[at[name] for name in '''$CHAIN'''.split()] == sorted(at[name] for name in
		'''$CHAIN'''.split()) and at['create'] == 0 and at['heartbeat'] < 90e6"
	holds first "at['start'] < at['request'] and at['built'] <= at['started']"
	holds first "'end' not in at and 'linux' not in at and d['Kernel'] is None"
	holds first "abs(took['boot'] - at['heartbeat'] + at['console']) <= 1"
	# No connection besides the heartbeat yet.
	holds first "'vsock' not in at"
}

first_connection() {
	echo_works "$(ne-emu ps --filter name=first --format '{cid}')"
	wait_for 5 holds first "at['vsock'] > at['heartbeat']"
}

debug_enclave() {
	start second --debug
	wait_for 5 holds second "at['run'] <= at['linux'] <= at['init'] <= at['heartbeat']"
	holds second "d['Kernel'][0].isdigit() and took['kernel'] > 0 and took['init'] > 0"
	ne-emu timeline second
}

picture() {
	ne-emu timeline first --svg "$tmp/one.svg" --compare second
	python3 - "$tmp/one.svg" <<-'PYTHON'
	import sys, xml.etree.ElementTree
	svg = "{http://www.w3.org/2000/svg}"
	root = xml.etree.ElementTree.parse(sys.argv[1]).getroot()
	names = {(g.get("class"), g.get("data-name")) for g in root.iter(svg + "g")}
	print(sorted(names))
	assert root.tag == svg + "svg"
	assert {("phase", "measure"), ("phase", "kernel"), ("mark", "heartbeat"), ("mark", "init"),
	        ("mark", "vsock"), ("phase", "create")} <= names
	PYTHON
}

after_the_end() {
	ne-emu stop second
	wait_for 5 holds "$(ne-emu ps -a --filter name=second --format '{id}' | tail -n 1)" \
		"at['heartbeat'] < at['end']"
	ne-emu stop first
}

# The file belongs to the owner, as all of the directory.
strangers() {
	id=$(ne-emu ps -a --filter name=first --format '{id}' | tail -n 1)
	gid=$(getent group ne | cut -d : -f 3)
	fails setpriv --reuid 65534 --regid 65534 --groups "$gid" ne-emu timeline "$id"
	marks=$(log_of "${id#enc}" marks)
	[ "$(wc -c < "$marks")" -le 4096 ]
	fails setpriv --reuid 65534 --regid 65534 --groups "$gid" cat "$marks"
}

check_each production_enclave first_connection debug_enclave picture after_the_end strangers
finish
