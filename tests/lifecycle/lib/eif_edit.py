#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Take an enclave image apart or change it, for tests of errors that clients get.

usage: eif_edit.py extract IMAGE SECTION OUTPUT   SECTION: kernel, cmdline, ramdisk
       eif_edit.py cmdline IMAGE TEXT OUTPUT      another kernel command line
       eif_edit.py flags IMAGE NUMBER OUTPUT      other header flags (1: arm64)
       eif_edit.py break IMAGE OUTPUT             one flipped bit, checksum unchanged
       eif_edit.py cut IMAGE OUTPUT               the first half

All but the last two write a correct checksum.
"""

import struct
import sys
import zlib

MAX_SECTIONS = 32
# magic, version, flags, memory, CPUs, reserved, sections, offsets, sizes, unused
HEADER = struct.Struct(f">4sHHQQHH{MAX_SECTIONS}Q{MAX_SECTIONS}QI")
CRC = struct.Struct(">I")
SECTION = struct.Struct(">HHQ")  # type, flags, size
TYPES = {"kernel": 1, "cmdline": 2, "ramdisk": 3}


class Image:
    """Header fields and a list of (type, flags, data)."""

    def __init__(self, data):
        self.fields = list(HEADER.unpack_from(data))
        count = self.fields[6]
        self.sections = []
        for offset in self.fields[7:7 + count]:
            kind, flags, size = SECTION.unpack_from(data, offset)
            start = offset + SECTION.size
            self.sections.append([kind, flags, data[start:start + size]])

    def section(self, name):
        """Data of all sections of a kind, joined as the loader does."""
        return b"".join(s[2] for s in self.sections if s[0] == TYPES[name])

    def pack(self):
        """The image with new offsets, sizes and checksum."""
        offset = HEADER.size + CRC.size
        body = b""
        for i, (kind, flags, data) in enumerate(self.sections):
            self.fields[7 + i] = offset + len(body)
            self.fields[7 + MAX_SECTIONS + i] = len(data)
            body += SECTION.pack(kind, flags, len(data)) + data
        header = HEADER.pack(*self.fields)
        return header + CRC.pack(zlib.crc32(header + body)) + body


def edit(command, data, argument):
    """The changed image, or part of it."""
    if command == "cut":
        return data[:len(data) // 2]
    if command == "break":
        middle = len(data) // 2
        return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]
    image = Image(data)
    if command == "extract":
        return image.section(argument)
    if command == "cmdline":
        for section in image.sections:
            if section[0] == TYPES["cmdline"]:
                section[2] = argument.encode()
    elif command == "flags":
        image.fields[2] = int(argument)
    else:
        sys.exit(__doc__)
    return image.pack()


def main():
    """Command line."""
    args = sys.argv[1:]
    if len(args) not in (3, 4):
        sys.exit(__doc__)
    with open(args[1], "rb") as file:
        data = file.read()
    with open(args[-1], "wb") as file:
        file.write(edit(args[0], data, args[2] if len(args) == 4 else None))


if __name__ == "__main__":
    main()
