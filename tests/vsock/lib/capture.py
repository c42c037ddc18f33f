# SPDX-License-Identifier: Apache-2.0
"""Print the packets in a capture of vsockmon.

usage: capture.py FILE CID         print a line for each packet of that CID

A line: connect|disconnect|control|payload OP SRC:PORT DST:PORT LENGTH TEXT. The first
word comes from the monitor's header (linux/vsockmon.h), OP from the transport's
(linux/virtio_vsock.h).
"""

import struct
import sys

# Times in nanoseconds.
MAGIC = 0xa1b23c4d
LINKTYPE_VSOCK = 271
FILE_HEADER = struct.Struct("<IHHiIII")
RECORD_HEADER = struct.Struct("<IIII")
MONITOR_HEADER = struct.Struct("<QQIIHHH2x")
VIRTIO_HEADER = struct.Struct("<QQIIIHHIII")
TRANSPORT_VIRTIO = 2
KINDS = {1: "connect", 2: "disconnect", 3: "control", 4: "payload"}
OPS = {1: "REQUEST", 2: "RESPONSE", 3: "RST", 4: "SHUTDOWN", 5: "RW",
       6: "CREDIT_UPDATE", 7: "CREDIT_REQUEST"}


def packets(path):
    with open(path, "rb") as file:
        header = FILE_HEADER.unpack(file.read(FILE_HEADER.size))
        assert header[0] == MAGIC and header[-1] == LINKTYPE_VSOCK
        while header := file.read(RECORD_HEADER.size):
            _, nanoseconds, captured, length = RECORD_HEADER.unpack(header)
            assert nanoseconds < 10**9 and captured <= length
            yield file.read(captured), length


def show(path, cid):
    for data, length in packets(path):
        src, dst, src_port, dst_port, kind, transport, size = MONITOR_HEADER.unpack_from(data)
        if cid not in (src, dst):
            continue
        assert transport == TRANSPORT_VIRTIO and size == VIRTIO_HEADER.size
        virtio = VIRTIO_HEADER.unpack_from(data, MONITOR_HEADER.size)
        assert virtio[:4] == (src, dst, src_port, dst_port)
        headers = MONITOR_HEADER.size + VIRTIO_HEADER.size
        payload = data[headers:]
        assert virtio[4] == length - headers
        print(KINDS[kind], OPS[virtio[6]], f"{src}:{src_port}", f"{dst}:{dst_port}",
              virtio[4], payload[:32].decode(errors="replace"))


show(sys.argv[1], int(sys.argv[2]))
