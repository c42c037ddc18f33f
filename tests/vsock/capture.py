# SPDX-License-Identifier: Apache-2.0
"""Capture from a vsockmon device, as tcpdump does, and tell what was captured.

usage: capture.py record DEVICE FILE    until SIGTERM; "ready" when it listens
       capture.py show FILE CID         a line for each packet of that CID

A line: connect|disconnect|control|payload OP SRC:PORT DST:PORT LENGTH TEXT, the
first word from the monitor's header (linux/vsockmon.h), OP from the transport's
(linux/virtio_vsock.h).
"""

import signal
import socket
import struct
import sys
import time

ETH_P_ALL = 3
LINKTYPE_VSOCK = 271
FILE_HEADER = struct.Struct("<IHHiIII")
RECORD_HEADER = struct.Struct("<IIII")
MONITOR_HEADER = struct.Struct("<QQIIHHH2x")
VIRTIO_HEADER = struct.Struct("<QQIIIHHIII")
TRANSPORT_VIRTIO = 2
KINDS = {1: "connect", 2: "disconnect", 3: "control", 4: "payload"}
OPS = {1: "REQUEST", 2: "RESPONSE", 3: "RST", 4: "SHUTDOWN", 5: "RW",
       6: "CREDIT_UPDATE", 7: "CREDIT_REQUEST"}


def record(device, path):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((device, 0))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with open(path, "wb", buffering=0) as file:
        file.write(FILE_HEADER.pack(0xa1b2c3d4, 2, 4, 0, 0, 1 << 18, LINKTYPE_VSOCK))
        print("ready", flush=True)
        while True:
            data = sock.recv(1 << 18)
            now = time.time()
            file.write(RECORD_HEADER.pack(int(now), int(now % 1 * 1e6), len(data),
                                          len(data)) + data)


def packets(path):
    with open(path, "rb") as file:
        assert FILE_HEADER.unpack(file.read(FILE_HEADER.size))[-1] == LINKTYPE_VSOCK
        while header := file.read(RECORD_HEADER.size):
            yield file.read(RECORD_HEADER.unpack(header)[2])


def show(path, cid):
    for data in packets(path):
        src, dst, src_port, dst_port, kind, transport, size = MONITOR_HEADER.unpack_from(data)
        if cid not in (src, dst):
            continue
        assert transport == TRANSPORT_VIRTIO and size == VIRTIO_HEADER.size
        virtio = VIRTIO_HEADER.unpack_from(data, MONITOR_HEADER.size)
        assert virtio[:4] == (src, dst, src_port, dst_port)
        payload = data[MONITOR_HEADER.size + VIRTIO_HEADER.size:]
        assert virtio[4] == len(payload)
        print(KINDS[kind], OPS[virtio[6]], f"{src}:{src_port}", f"{dst}:{dst_port}",
              len(payload), payload[:32].decode(errors="replace"))


if sys.argv[1] == "record":
    record(sys.argv[2], sys.argv[3])
else:
    show(sys.argv[2], int(sys.argv[3]))
