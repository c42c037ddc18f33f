# SPDX-License-Identifier: Apache-2.0
"""Read the console of an enclave on command.

usage: console_reader.py CID [BUFFER]

Connects with a receive buffer of BUFFER bytes, prints "connected" to standard error,
waits for the end of standard input, then copies the console to standard output until
its end.
"""

import ctypes
import socket
import struct
import sys

CID_HYPERVISOR = 0
CONSOLE_PORT_BASE = 10000
# linux/vm_sockets.h
SO_VM_SOCKETS_CONNECT_TIMEOUT = 6
# Like nitro-cli's timeout: the service shares a thread with the loader of the image.
CONNECT_TIMEOUT_S = 20


def set_option(option, value):
    """Set a timeout, which Python's setsockopt() cannot do for this family."""
    if ctypes.CDLL(None).setsockopt(sock.fileno(), socket.AF_VSOCK, option, value, len(value)):
        sys.exit(f"Error: setsockopt {option}")


sock = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
if len(sys.argv) > 2:
    size = struct.pack("Q", int(sys.argv[2]))
    set_option(socket.SO_VM_SOCKETS_BUFFER_MIN_SIZE, size)
    set_option(socket.SO_VM_SOCKETS_BUFFER_SIZE, size)
set_option(SO_VM_SOCKETS_CONNECT_TIMEOUT, struct.pack("qq", CONNECT_TIMEOUT_S, 0))
sock.connect((CID_HYPERVISOR, CONSOLE_PORT_BASE + int(sys.argv[1])))
print("connected", file=sys.stderr, flush=True)
sys.stdin.read()
while data := sock.recv(65536):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
