#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Query the NSM of an enclave that runs the sample image (its port 5008).

usage: nsm_ask.py [-o FILE] CID REQUEST [NAME=VALUE]...

REQUEST is DescribeNSM, ExtendPCR and so on. A value is a number, "null",
"0x" with hexadecimal digits, or COUNT*BYTE: "1024*6e". "raw=COUNT" instead of a request
sends COUNT zero bytes.

Prints the decoded response as JSON with bytes in hexadecimal, or "nothing" if the
device refused the request; -o writes the document of an Attestation to a file instead.
"""

import json
import socket
import sys

import cbor2

PORT = 5008


def parse(text):
    if text == "null":
        return None
    if text.startswith("0x"):
        return bytes.fromhex(text[2:])
    if "*" in text:
        count, byte = text.split("*")
        return bytes.fromhex(byte) * int(count)
    return int(text)


def build(name, fields):
    if name.startswith("raw="):
        return bytes(int(name[4:]))
    if not fields and name in ("DescribeNSM", "GetRandom"):
        return cbor2.dumps(name)
    pairs = (field.split("=", 1) for field in fields)
    return cbor2.dumps({name: {key: parse(value) for key, value in pairs}})


def ask(cid, request):
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as connection:
        connection.settimeout(60)
        connection.connect((cid, PORT))
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        response = b""
        while chunk := connection.recv(1 << 16):
            response += chunk
    return response


def main(args):
    output = None
    if args[0] == "-o":
        output, args = args[1], args[2:]
    response = ask(int(args[0]), build(args[1], args[2:]))
    answer = cbor2.loads(response) if response else {}
    if output and "Attestation" in answer:
        with open(output, "wb") as file:
            file.write(answer["Attestation"]["document"])
    elif response:
        print(json.dumps(answer, default=lambda value: value.hex()))
    else:
        print("nothing")
    return bool(output) and "Attestation" not in answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
