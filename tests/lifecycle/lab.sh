#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# "ne-emu lab" with real enclaves: settings of the next one and of a running one, flaws that
# "ne-emu attest verify" finds, and an unusable CA.
#
# Once: this tests userspace.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_host 160
need_daemon
need_image
need_program python3 socat

ca=/var/lib/ne-emu/ca/default.pem

# document FILE - get a document of the enclave
document() {
	timeout 90 python3 "$here/lib/nsm_ask.py" -o "$1" "$cid" Attestation \
		nonce=0x0102 > "$tmp/answer"
}

verify() {
	ne-emu attest verify --nonce 0102 "$@" "$tmp/document" > "$tmp/report"
}

# rejected CHECK... - exactly these checks fail
rejected() {
	document "$tmp/document"
	status=0
	verify || status=$?
	cat "$tmp/report"
	[ "$status" = 3 ]
	[ "$(awk '$1 == "error" { print $2 }' "$tmp/report" | paste -s -d ' ')" = "$*" ]
}

root_is_known() {
	ne-emu doctor | tee "$tmp/doctor" | grep 'ok *attestation' |
		grep -q "$(ne-emu attest root --format fingerprint)"
	[ "$(ne-emu attest root)" = "$(ne-emu-ca export)" ]
	[ "$(stat -c %a "$ca")" = 600 ]
	[ "$(stat -c %a "${ca%/*}")" = 700 ]
}

next_enclave() {
	ne-emu lab show "$cid" | grep -q '^region *eu-west-1$'
	ne-emu lab show | grep -q '^region *us-east-1$'
	document "$tmp/document"
	# The value in AWS's guide for that role.
	verify --strict --pcr 3=78fce75db17cd4e0a3fb8dad3ad128ca5e77edbb2b2c7f75329dccd99aa5f6ef4fc1f1a452e315b9e98f9e312e6921e6
	ne-emu attest show "$tmp/document" | grep -q eu-west-1
}

faults_while_it_runs() {
	ne-emu lab set "$cid" flaws=expired
	rejected validity path timestamp
	ne-emu lab set "$cid" flaws=stale
	rejected timestamp
	ne-emu lab set "$cid" flaws=bundle-reversed,signature
	rejected root chain constraints signature
	fails ne-emu lab set "$cid" pcr0=measured
	ne-emu lab reset "$cid"
	document "$tmp/document"
	verify --strict
}

fixed_clock() {
	ne-emu lab set "$cid" clock=2025-01-02T03:04:05Z
	document "$tmp/document"
	verify --time 2025-01-02T03:04:06Z
	rejected validity path
	ne-emu lab reset "$cid"
}

others_may_not_ask() {
	fails setpriv --reuid 65534 --regid 65534 --clear-groups ne-emu lab show
	setpriv --reuid 65534 --regid "$(getent group ne | cut -d : -f 3)" --clear-groups \
		ne-emu lab show > /dev/null
}

# Documents signed before chain to the old root, which is kept. When rotate returns, all
# commands and the enclave use the new one.
rotated_root() {
	document "$tmp/old"
	ne-emu attest root --format fingerprint > "$tmp/fingerprint"
	ne-emu-ca rotate > "$tmp/new-fingerprint"
	fails cmp -s "$tmp/fingerprint" "$tmp/new-fingerprint"
	ne-emu attest root --format fingerprint | cmp - "$tmp/new-fingerprint"
	ne-emu-ca export --format fingerprint | cmp - "$tmp/new-fingerprint"
	[ "$(stat -c %a "${ca%.pem}.old.pem")" = 600 ]
	document "$tmp/document"
	verify --strict
	ne-emu attest verify --root "${ca%.pem}.old.pem" --nonce 0102 "$tmp/old"
	fails ne-emu attest verify --nonce 0102 "$tmp/old"
	fails verify --root "${ca%.pem}.old.pem"
	ne-emu lab reset "$cid"
}

# Enclaves start and get errors instead of documents, until the CA is usable again.
broken_ca() {
	chmod 644 "$ca"
	systemctl restart ne-emud.service
	run_image a
	cid=$(value a cid)
	echo_works "$cid"
	document "$tmp/document" || true
	chmod 600 "$ca"
	cat "$tmp/answer"
	[ "$(cat "$tmp/answer")" = '{"Error": "InternalError"}' ]
	ne-emu lab set "$cid" limits=ec2
	document "$tmp/document"
	verify --strict
	close_client a
}

check "doctor and everybody know the root" root_is_known

# A process started in a check ends with it, so start the enclave here.
ne-emu lab set role-arn=arn:aws:iam::123456789012:role/Webserver region=eu-west-1 > /dev/null
run_image a
cid=$(value a cid)
echo_works "$cid" > /dev/null
check "settings of the next enclave" next_enclave
check "faults while it runs" faults_while_it_runs
check "fixed clock" fixed_clock
check "a root that was rotated" rotated_root
check "socket is for root and group ne" others_may_not_ask
close_client a
check "a CA that does not work" broken_ca
finish
