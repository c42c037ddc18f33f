# SPDX-License-Identifier: Apache-2.0
"""Listen at LISTEN_CID, connect to CONNECT_CID and pass a byte in each direction. Print the
result: the name of an errno, or "talked".

usage: talk.py LISTEN_CID CONNECT_CID
       talk.py LISTEN_CID CONNECT_CID wait    listen, and connect after a line on stdin
"""

import errno
import socket
import sys

TIMEOUT = 10


def talk(listener, cid):
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as client:
        client.settimeout(TIMEOUT)
        client.connect((cid, listener.getsockname()[1]))
        server = listener.accept()[0]
        with server:
            for sender, receiver in ((client, server), (server, client)):
                sender.sendall(b"x")
                if receiver.recv(1) != b"x":
                    return "end"
    return "talked"


def main(listen_cid, connect_cid, *wait):
    with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as listener:
        listener.settimeout(TIMEOUT)
        listener.bind((listen_cid, socket.VMADDR_PORT_ANY))
        listener.listen()
        if wait:
            print("listening", flush=True)
            sys.stdin.readline()
        return talk(listener, connect_cid)


try:
    print(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
except OSError as error:
    print(errno.errorcode.get(error.errno, error))
