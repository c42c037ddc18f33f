# SPDX-License-Identifier: Apache-2.0
"""Connect to CID PORT and print the result: the name of an errno, or "connected".

usage: ask.py CID PORT [to-host]

"to-host" sets VMADDR_FLAG_TO_HOST, which Python's addresses have no place for.
"""

import ctypes
import errno
import socket
import struct
import sys

VMADDR_FLAG_TO_HOST = 1


def connect(cid, port, flags):
    sock = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    # struct sockaddr_vm
    address = struct.pack("=HHIIB3x", socket.AF_VSOCK, 0, port, cid, flags)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.connect(sock.fileno(), address, len(address)):
        return errno.errorcode[ctypes.get_errno()]
    return "connected"


print(connect(int(sys.argv[1]), int(sys.argv[2]),
              VMADDR_FLAG_TO_HOST if "to-host" in sys.argv[3:] else 0))
