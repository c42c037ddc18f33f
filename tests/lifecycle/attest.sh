#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# The NSM of real enclaves through /dev/nsm: registers, random bytes, and documents, which
# an independent verifier (verify.py) checks.
#
# Once: userspace makes the documents.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

verify_py=$here/../attest/verify.py

need_host 160
need_daemon
need_image
need_program python3 socat

# nsm CID REQUEST [NAME=VALUE]... - print the response as JSON
nsm() {
	timeout 90 python3 "$here/lib/nsm_ask.py" "$@"
}

# document [NAME=VALUE]... - get an attestation document from the enclave
document() {
	rm -f "$tmp/document"
	timeout 90 python3 "$here/lib/nsm_ask.py" -o "$tmp/document" "$cid" Attestation "$@"
}

# nsm_is EXPECTED CID REQUEST...
nsm_is() {
	expected=$1
	shift
	got=$(nsm "$@")
	[ "$got" = "$expected" ] || {
		echo "expected: $expected"
		echo "got: $got"
		return 1
	}
}

error_is() {
	error=$1
	shift
	nsm_is "{\"Error\": \"$error\"}" "$@"
}

# verify OPTION... - verify the last document
verify() {
	"$verify_py" --root "$tmp/root.pem" --module-id "$module_id" "$@" "$tmp/document"
}

# Print the expected PCR 0, 1 and 2, computed from the image: "0=HEX", one per line.
expected_pcrs() {
	PYTHONPATH=$here/lib python3 - "$image" <<-'PYTHON'
	import hashlib, sys
	from eif_edit import Image
	contents, ramdisks = [b"", b"", b""], 0
	for kind, _, data in Image(open(sys.argv[1], "rb").read()).sections:
	    if kind not in (1, 2, 3):
	        continue
	    ramdisks += kind == 3
	    contents[0] += data
	    contents[2 if ramdisks > 1 else 1] += data
	for index, content in enumerate(contents):
	    inner = hashlib.sha384(content).digest()
	    print(f"{index}={hashlib.sha384(bytes(48) + inner).hexdigest()}")
	PYTHON
}

# open_enclave ARGUMENT... - start client a; get its CID, module id and root certificate
open_enclave() {
	run_image a "$@"
	cid=$(value a cid)
	echo_works "$cid"
	nsm "$cid" DescribeNSM > "$tmp/description"
	module_id=$(sed 's/.*"module_id": "\([^"]*\)".*/\1/' "$tmp/description")
	ne-emu attest root > "$tmp/root.pem"
}

describes_itself() {
	cat "$tmp/description"
	uid=$(value a uid)
	echo "$module_id" | grep -qx "i-[0-9a-f]\{17\}-enc$uid"
	grep -q '"version_major": 1, "version_minor": 0, "version_patch": 0' "$tmp/description"
	grep -q '"max_pcrs": 32, "locked_pcrs": \[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\], "digest": "SHA384"' \
		"$tmp/description"
	nsm "$cid" GetRandom > "$tmp/one"
	nsm "$cid" GetRandom > "$tmp/two"
	[ "$(tr -cd 0-9a-f < "$tmp/one" | wc -c)" -ge 512 ]
	fails cmp -s "$tmp/one" "$tmp/two"
}

plain_document() {
	expected_pcrs > "$tmp/pcrs"
	# The parent's instance id, as text.
	instance=${module_id%%-enc*}
	pcr4=$( (head -c 48 /dev/zero; printf %s "$instance") | sha384sum | cut -d ' ' -f 1)
	document
	# shellcheck disable=SC2046 # one option for each line
	verify $(sed 's/^/--pcr /' "$tmp/pcrs") --pcr "4=$pcr4"
	while IFS='=' read -r index value; do
		nsm_is "{\"DescribePCR\": {\"lock\": true, \"data\": \"$value\"}}" "$cid" \
			DescribePCR "index=$index"
	done < "$tmp/pcrs"
}

# digits BYTE COUNT
digits() {
	head -c "$2" /dev/zero | od -An -v -tx1 | tr -d ' \n' | sed "s/00/$1/g"
}

large_documents() {
	document user_data='1024*75' nonce='1024*6e' public_key='1024*6b'
	verify --user-data "$(digits 75 1024)" --nonce "$(digits 6e 1024)" \
		--public-key "$(digits 6b 1024)"
	# The largest possible request.
	document user_data='4050*75' nonce=null public_key=null
	verify --user-data "$(digits 75 4050)"
	document nonce=0x
	verify --nonce ""
}

# Each of many simultaneous clients gets its own answer.
at_once() {
	timeout 120 python3 "$here/lib/nsm_many.py" "$cid" 90
}

refusals() {
	nsm_is nothing "$cid" raw=4097
	error_is InvalidOperation "$cid" raw=4096
	error_is InvalidOperation "$cid" raw=0
	error_is InvalidIndex "$cid" DescribePCR index=32
	error_is ReadOnlyIndex "$cid" ExtendPCR index=0 data=0x01
	error_is ReadOnlyIndex "$cid" LockPCR index=15
	error_is InvalidIndex "$cid" LockPCRs range=33
	error_is InvalidOperation "$cid" ExtendPCR index=16
}

registers() {
	once=cb178fcd3f328244c05c6248723fd068b3a1dda878e1ab8be911098f199958add55d0c27f04826d27b44d949a650694e
	nsm_is "{\"ExtendPCR\": {\"data\": \"$once\"}}" "$cid" ExtendPCR index=16 data=0x010203
	document
	verify
	nsm_is '"LockPCR"' "$cid" LockPCR index=16
	error_is ReadOnlyIndex "$cid" ExtendPCR index=16 data=0x01
	document
	verify --locked 16 --pcr "16=$once"
	nsm_is '"LockPCRs"' "$cid" LockPCRs range=32
	document
	verify --locked 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
}

# A restarted supervisor serves the enclaves of the previous one.
after_restart() {
	systemctl restart ne-emud.service
	document nonce=0x0102
	ne-emu attest verify --strict --nonce 0102 "$tmp/document"
	fails ne-emu attest verify --nonce 0103 "$tmp/document"
	verify --nonce 0102 --locked 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
}

# The guest's driver logs only errors; check that it and its random number generator work.
driver_is_content() {
	grep 'payload: hwrng 2 x [0-9]* bytes, different' "$tmp/console"
	grep 'payload: nsm Attestation [0-9]* bytes' "$tmp/console"
	fails grep -i '^\[.*nsm' "$tmp/console"
}

debug_document() {
	document
	verify --debug
	ne-emu attest verify --strict --allow-debug "$tmp/document"
	fails ne-emu attest verify "$tmp/document"
}

open_enclave
check "module and random bytes" describes_itself
check "plain document" plain_document
check "documents of all sizes" large_documents
check "90 clients at once" at_once
check "refusals" refusals
check "registers" registers
check "a supervisor that was started again" after_restart
close_client a
open_enclave -d
timeout 120 socat -u "VSOCK-CONNECT:0:$((10000 + cid))" STDOUT > "$tmp/console" 8>&- 9>&- &
check "document of a debug enclave" debug_document
close_client a
wait "$!" || :
check "the guest's driver" driver_is_content
finish
