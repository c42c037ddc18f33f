#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The program of the container image that image.sh makes.

usage: app.py hello | exit STATUS | attest PORT NONCE

"attest" sends an attestation document with the nonce (up to 23 bytes, in hexadecimal) to a
vsock port of the parent. Needs only the modules of python3-minimal.
"""

import array
import fcntl
import os
import socket
import struct
import sys

PARENT = 3
NSM_IOCTL_RAW = 0xC0200A00
RESPONSE_SIZE = 12288


def text(value):
    """A CBOR text of up to 23 bytes."""
    return bytes([0x60 + len(value)]) + value.encode()


def attestation_request(nonce):
    fields = text("nonce") + bytes([0x40 + len(nonce)]) + nonce
    for name in "user_data", "public_key":
        fields += text(name) + b"\xf6"
    return b"\xa1" + text("Attestation") + b"\xa3" + fields


def ask_nsm(request):
    question = array.array("B", request)
    answer = array.array("B", bytes(RESPONSE_SIZE))
    call = bytearray(struct.pack("=4Q", *question.buffer_info(), *answer.buffer_info()))
    fd = os.open("/dev/nsm", os.O_RDONLY)
    fcntl.ioctl(fd, NSM_IOCTL_RAW, call)
    os.close(fd)
    size = struct.unpack("=4Q", call)[3]
    return answer[:size].tobytes()


def document_in(answer):
    """The document is a CBOR string with a size of two bytes, the last of the answer."""
    start = b"\xa1" + text("Attestation") + b"\xa1" + text("document") + b"\x59"
    if not answer.startswith(start):
        sys.exit(f"app: the NSM answered {answer[:64]!r}")
    document = answer[len(start) + 2:]
    assert len(document) == int.from_bytes(answer[len(start):][:2], "big")
    return document


def attest(port, nonce):
    document = document_in(ask_nsm(attestation_request(nonce)))
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as connection:
        connection.connect((PARENT, port))
        connection.sendall(document)
    print(f"app: sent {len(document)} bytes")


def main(command, *arguments):
    if command == "hello":
        print(f"app: hello from user {os.getuid()}, group {os.getgid()}")
    elif command == "exit":
        sys.exit(int(arguments[0]))
    elif command == "attest":
        attest(int(arguments[0]), bytes.fromhex(arguments[1]))
    else:
        sys.exit("app: no such command")


if __name__ == "__main__":
    main(*sys.argv[1:])
