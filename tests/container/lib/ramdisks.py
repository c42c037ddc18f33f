#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make a ramdisk in each compression, with a file of the same name.

usage: ramdisks.py OUTPUT_DIRECTORY DIRECTORY_IN_RAMDISK COMPRESSION...

Python compresses bzip2, gzip, lzma and xz. The others are written here, in the formats'
forms for data that cannot be compressed.
"""

import bz2
import gzip
import lzma
import struct
import sys


def cpio(name, data):
    """A newc archive with one file."""
    def entry(path, mode, content):
        path = path.encode() + b"\0"
        fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0]
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + path
        return pad(head) + pad(content)

    def pad(text):
        return text + bytes(-len(text) % 4)

    return entry(name, 0o100644, data) + entry("TRAILER!!!", 0, b"")


def lz4(data):
    """The legacy format: one block of one sequence with literals only.

    The kernel takes what follows for another block, unless it is zero.
    """
    assert len(data) >= 15
    rest = len(data) - 15
    block = b"\xf0" + b"\xff" * (rest // 255) + bytes([rest % 255]) + data
    return struct.pack("<II", 0x184C2102, len(block)) + block + bytes(4)


def lzo(data):
    """lzop 1.03: one stored block."""
    head = struct.pack(">HHHBBIIIIB", 0x1030, 0x2080, 0x0940, 1, 5, 0, 0o644, 0, 0, 0)
    return b"\x89LZO\0\r\n\x1a\n" + head + bytes(4) + \
        struct.pack(">III", len(data), len(data), 0) + data + bytes(4)


def zstd(data):
    """One segment of known size, one raw block, the last."""
    assert 256 <= len(data) < 65536 + 256
    return struct.pack("<IBHI", 0xFD2FB528, 0x60, len(data) - 256, len(data) << 3 | 1)[:-1] + data


COMPRESSIONS = {
    "bzip2": bz2.compress,
    "gzip": gzip.compress,
    "lz4": lz4,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "lzo": lzo,
    "xz": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
    "zstd": zstd,
}

output, folder, *names = sys.argv[1:]
for kind in names:
    with open(f"{output}/{kind}", "wb") as file:
        file.write(COMPRESSIONS[kind](cpio(f"{folder}/{kind}", kind.encode() * 100)))
