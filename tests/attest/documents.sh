#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Verifies documents of make-documents with verify.py: valid ones pass, and each flaw is
# identified. TAP; runs in the build root, where MAKE_DOCUMENTS is that program.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
number=0 failed=0

# result NAME STATUS - print the result, with the last output after a failure
result() {
	number=$((number + 1))
	if [ "$2" = 0 ]; then
		echo "ok $number - $1"
	else
		sed 's/^/# /' "$dir/output"
		echo "not ok $number - $1"
		failed=1
	fi
}

verify() {
	file=$1
	shift
	"$here/verify.py" --root "$dir/root.der" "$@" "$dir/$file" > "$dir/output" 2>&1
}

# good NAME FILE OPTION...
good() {
	name=$1
	shift
	status=0
	verify "$@" || status=1
	result "$name" $status
}

# bad FILE REASON OPTION... - the document is rejected for that reason
bad() {
	file=$1 reason=$2
	shift 2
	echo "$file" >> "$dir/tried"
	status=0
	verify "$file.cose" "$@" && status=1
	grep -q "^refused: .*$reason" "$dir/output" || status=1
	result "$file is refused" $status
}

# bytes BYTE COUNT - print COUNT times BYTE in hexadecimal
bytes() {
	i=0
	while [ "$i" -lt "$2" ]; do
		printf %s "$1"
		i=$((i + 1))
	done
}

# openssl_finds_path FILE - OpenSSL finds a path through the bundle to our root only; its
# complaints about our leaves are the same as about EC2's
openssl_finds_path() {
	python3 - "$dir" "$1" <<-'PYTHON' &&
	import cbor2, pathlib, sys
	from cryptography import x509
	from cryptography.hazmat.primitives.serialization import Encoding
	folder = pathlib.Path(sys.argv[1])
	fields = cbor2.loads(cbor2.loads((folder / sys.argv[2]).read_bytes())[2])
	def pem(ders):
	    certs = map(x509.load_der_x509_certificate, ders)
	    return b"".join(cert.public_bytes(Encoding.PEM) for cert in certs)
	(folder / "root.pem").write_bytes(pem([(folder / "root.der").read_bytes()]))
	(folder / "leaf.pem").write_bytes(pem([fields["certificate"]]))
	(folder / "between.pem").write_bytes(pem(fields["cabundle"][1:]))
	PYTHON
		openssl_verify && openssl_verify -purpose sslserver &&
		! openssl_verify -x509_strict && grep -q 'Missing Authority Key' "$dir/output"
}

openssl_verify() {
	openssl verify -CAfile "$dir/root.pem" -untrusted "$dir/between.pem" "$@" \
		"$dir/leaf.pem" > "$dir/output" 2>&1
}

# none_forgotten - each flawed document has been tried
none_forgotten() {
	(cd "$dir" && for file in flaw-*.cose cert-*.cose; do echo "${file%.cose}"; done) |
		sort > "$dir/there"
	sort "$dir/tried" | diff "$dir/there" - > "$dir/output"
}

"${MAKE_DOCUMENTS:?}" "$dir"

good "plain" plain.cose --pcr "0=$(bytes a0 48)" --pcr "1=$(bytes a1 48)" \
	--pcr "2=$(bytes a2 48)" --pcr "3=$(bytes b3 48)" --pcr "4=$(bytes b4 48)" \
	--pcr "5=$(bytes 00 48)" --pcr "8=$(bytes a8 48)" \
	--module-id i-1234567890abcdef0-enc019caa9b9200cfbf
good "definite map" definite.cose --definite
good "fields of 1024 bytes" full.cose --nonce "$(bytes 6e 1024)" \
	--user-data "$(bytes 75 1024)" --public-key "$(bytes 6b 1024)"
good "empty fields" empty.cose --nonce "" --user-data "" --public-key ""
good "debug mode" debug.cose --debug --pcr "3=$(bytes b3 48)" --pcr "4=$(bytes b4 48)"
good "PCR 16 locked" pcr16.cose --locked 16 \
	--pcr 16=cb178fcd3f328244c05c6248723fd068b3a1dda878e1ab8be911098f199958add55d0c27f04826d27b44d949a650694e
good "all locked" all.cose --locked 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31

status=0
openssl_finds_path plain.cose || status=1
result "the path by OpenSSL's own tool" $status

bad flaw-signature signature
bad flaw-payload signature
bad flaw-algorithm 'form: head'
bad flaw-tagged 'form: head'
bad flaw-trailing 'form: end'
bad flaw-oversized "payload: fields .*padding"
bad flaw-key-order "payload: fields ..nonce"
bad flaw-duplicate 'form: payload'
bad flaw-stale 'EMULATED.*validity'
bad flaw-future 'EMULATED.*validity'
bad flaw-time-zero 'EMULATED.*validity'
bad flaw-module-id-empty module_id
bad flaw-digest digest
bad flaw-pcrs-empty 'pcrs: count'
bad flaw-pcrs-33 'pcrs: count'
bad flaw-pcr-index 'pcrs: indices'
bad flaw-pcr-size 'pcrs: size'
bad flaw-pcrs-zero 'no debug mode'
bad flaw-pcr0 'expected: PCR0' --pcr "0=$(bytes a0 48)"
bad flaw-cabundle-empty 'cabundle: count'
bad flaw-cabundle-entry 'cabundle: size'
bad flaw-nonce 'expected: nonce'
for field in module_id digest timestamp pcrs certificate cabundle public_key user_data nonce; do
	bad "flaw-no-$(echo $field | tr _ -)" 'payload: fields'
done

bad cert-expired 'validity'
bad cert-not-yet-valid 'validity'
bad cert-ca-expired 'validity'
bad cert-wrong-root 'another root'
bad cert-wrong-issuer 'signature'
bad cert-cert-signature 'signature'
bad cert-curve 'form: end'
bad cert-no-ca 'no CA'
bad cert-path-length 'path length'
bad cert-ca-key-usage 'key usage'
bad cert-leaf-key-usage 'key usage'
bad cert-bundle-reversed 'another root'
bad cert-bundle-no-root 'cabundle: count'
bad cert-bundle-gap 'cabundle: count'

status=0
none_forgotten || status=1
result "every fault has been tried" $status
echo "1..$number"
exit $failed
