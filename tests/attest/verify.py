#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Verify an attestation document with only cbor2 and python3-cryptography.

usage: verify.py [OPTION]... --root CERTIFICATE DOCUMENT

  --root FILE        trusted root certificate, DER or PEM
  --definite         the payload is a map of definite length, as before mid-2025
  --debug            PCR 0, 1, 2 and 8 must be zero; otherwise 0 to 2 must not be
  --locked LIST      registers above 15 that must be present: 16,17
  --pcr N=HEX        expected value; may be repeated
  --module-id TEXT   expected
  --nonce HEX, --user-data HEX, --public-key HEX
                     expected bytes; "null" (the default) for none
  --skew SECONDS     maximum difference of the time from now (60)

Prints the content of the document as JSON, or why it is rejected (exit status 1).
"""

import argparse
import datetime
import json
import sys
import time

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

KEYS = ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle",
        "public_key", "user_data", "nonce"]
PATH_LENGTHS = [None, 2, 1, 0]  # root, regional, zonal, instance
ES384 = bytes.fromhex("a1013822")


class Refused(Exception):
    """Why the document is rejected."""


def need(condition, reason):
    if not condition:
        raise Refused(reason)


def decode_outer(document):
    """Get protected header, payload and signature, byte by byte, as verifiers do."""
    need(document[:8] == b"\x84\x44" + ES384 + b"\xa0\x59", "form: head of the document")
    size = int.from_bytes(document[8:10], "big")
    payload, rest = document[10:10 + size], document[10 + size:]
    need(len(payload) == size and rest[:2] == b"\x58\x60" and len(rest) == 98,
         "form: end of the document")
    return payload, rest[2:]


def encode(value):
    """Encode in the shortest form, which the document must use as well."""
    def head(major, number):
        if number < 24:
            return bytes([major << 5 | number])
        for info, size in (24, 1), (25, 2), (26, 4), (27, 8):
            if number < 1 << 8 * size:
                return bytes([major << 5 | info]) + number.to_bytes(size, "big")
        raise Refused("form: number too large")
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    if isinstance(value, dict):
        return head(5, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    raise Refused(f"form: {type(value)}")


def decode_payload(payload, definite):
    try:
        fields = cbor2.loads(payload)
    except Exception as error:  # any error of cbor2
        raise Refused(f"payload: {error}") from error
    need(isinstance(fields, dict), "payload: no map")
    need(list(fields) == KEYS, f"payload: fields {list(fields)}")
    again = encode(fields)
    if not definite:
        again = b"\xbf" + again[1:] + b"\xff"
    need(again == payload, "form: payload")
    return fields


def check_fields(fields):
    need(isinstance(fields["module_id"], str) and fields["module_id"], "module_id")
    need(fields["digest"] == "SHA384", "digest")
    need(isinstance(fields["timestamp"], int), "timestamp")
    pcrs = fields["pcrs"]
    need(isinstance(pcrs, dict) and 1 <= len(pcrs) <= 32, "pcrs: count")
    need(list(pcrs) == sorted(pcrs) and set(pcrs) <= set(range(32)), "pcrs: indices")
    need(all(len(value) == 48 for value in pcrs.values()), "pcrs: size of a value")
    need(isinstance(fields["cabundle"], list) and len(fields["cabundle"]) == 4,
         "cabundle: count")
    need(all(1 <= len(der) <= 1024 for der in fields["cabundle"] + [fields["certificate"]]),
         "cabundle: size of a certificate")
    for name in "public_key", "user_data", "nonce":
        need(fields[name] is None or isinstance(fields[name], bytes), name)


def load(der):
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise Refused(f"certificate: {error}") from error


def usage_of(cert):
    extension = cert.extensions.get_extension_for_class(x509.KeyUsage)
    return extension.value, extension.critical


def check_certificate(cert, issuer, moment):
    name = cert.subject.rfc4514_string()
    need(cert.version == x509.Version.v3, f"{name}: version")
    need(cert.issuer == issuer.subject, f"{name}: issuer")
    need(isinstance(cert.signature_hash_algorithm, hashes.SHA384), f"{name}: algorithm")
    need(isinstance(cert.public_key(), ec.EllipticCurvePublicKey) and
         isinstance(cert.public_key().curve, ec.SECP384R1), f"{name}: curve")
    need(0 < cert.serial_number < 1 << 159, f"{name}: serial number")
    try:
        issuer.public_key().verify(cert.signature, cert.tbs_certificate_bytes,
                                   ec.ECDSA(hashes.SHA384()))
    except InvalidSignature as error:
        raise Refused(f"{name}: signature") from error
    start, end = cert.not_valid_before_utc, cert.not_valid_after_utc
    need(start <= moment <= end, f"{name}: validity {start} to {end}, not {moment}")


def check_ca(cert, path_length):
    name = cert.subject.rfc4514_string()
    basic = cert.extensions.get_extension_for_class(x509.BasicConstraints)
    need(basic.critical and basic.value.ca, f"{name}: no CA")
    need(basic.value.path_length == path_length, f"{name}: path length")
    usage, critical = usage_of(cert)
    need(critical and usage.key_cert_sign, f"{name}: key usage")


def check_leaf(cert, fields):
    basic = cert.extensions.get_extension_for_class(x509.BasicConstraints)
    need(basic.critical and not basic.value.ca, "leaf: a CA")
    usage, critical = usage_of(cert)
    need(not critical and usage.digital_signature and usage.content_commitment and
         not usage.key_cert_sign, "leaf: key usage")
    need(len(list(cert.extensions)) == 2, "leaf: extensions")
    (common_name,) = cert.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    need(common_name.value.startswith(fields["module_id"] + "."), "leaf: common name")
    enclave = fields["module_id"].split("-enc")[1]
    serial = cert.serial_number.to_bytes(20, "big").hex().lstrip("0")
    need(serial.startswith((enclave + "00000000").lstrip("0")), "leaf: serial number")


def check_chain(fields, root, moment):
    chain = [load(der) for der in fields["cabundle"]]
    leaf = load(fields["certificate"])
    need(fields["cabundle"][0] == root, "cabundle: another root")
    for cert, issuer, length in zip(chain, chain[:1] + chain, PATH_LENGTHS):
        check_certificate(cert, issuer, moment)
        check_ca(cert, length)
    check_certificate(leaf, chain[-1], moment)
    check_leaf(leaf, fields)
    return leaf


def check_signature(payload, signature, leaf):
    signed = encode(["Signature1", ES384, b"", payload])
    r, s = (int.from_bytes(half, "big") for half in (signature[:48], signature[48:]))
    try:
        leaf.public_key().verify(utils.encode_dss_signature(r, s), signed,
                                 ec.ECDSA(hashes.SHA384()))
    except InvalidSignature as error:
        raise Refused("signature") from error


def check_expectations(fields, args):
    pcrs = fields["pcrs"]
    locked = [int(n) for n in args.locked.split(",") if n]
    need(list(pcrs) == list(range(16)) + locked, f"expected: registers, not {list(pcrs)}")
    zero = [n for n in (0, 1, 2, 8) if not any(pcrs[n])]
    if args.debug:
        need(zero == [0, 1, 2, 8], "expected: debug mode")
    else:
        need(not set(zero) & {0, 1, 2}, "expected: no debug mode")
    for text in args.pcr:
        index, value = text.split("=")
        need(pcrs.get(int(index)) == bytes.fromhex(value), f"expected: PCR{index}")
    for name in "nonce", "user_data", "public_key":
        text = getattr(args, name)
        value = None if text == "null" else bytes.fromhex(text)
        need(fields[name] == value, f"expected: {name}")
    if args.module_id:
        need(fields["module_id"] == args.module_id, "expected: module_id")
    need(abs(fields["timestamp"] / 1000 - time.time()) <= args.skew, "expected: time")


def read_root(path):
    with open(path, "rb") as file:
        data = file.read()
    if data.startswith(b"-----"):
        data = x509.load_pem_x509_certificate(data).public_bytes(
            x509.base.serialization.Encoding.DER)
    return data


def verify(args):
    with open(args.document, "rb") as file:
        document = file.read()
    payload, signature = decode_outer(document)
    fields = decode_payload(payload, args.definite)
    check_fields(fields)
    moment = datetime.datetime.fromtimestamp(fields["timestamp"] / 1000, datetime.timezone.utc)
    leaf = check_chain(fields, read_root(args.root), moment)
    check_signature(payload, signature, leaf)
    check_expectations(fields, args)
    return fields


def main():
    parser = argparse.ArgumentParser(add_help=False, usage=__doc__)
    parser.add_argument("--root", required=True)
    for flag in "--definite", "--debug":
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--locked", default="")
    parser.add_argument("--pcr", action="append", default=[])
    parser.add_argument("--module-id")
    for name in "--nonce", "--user-data", "--public-key":
        parser.add_argument(name, default="null")
    parser.add_argument("--skew", type=float, default=60)
    parser.add_argument("document")
    args = parser.parse_args()
    try:
        fields = verify(args)
    except Refused as reason:
        print(f"refused: {reason}")
        return 1
    print(json.dumps(fields, default=lambda value: value.hex()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
