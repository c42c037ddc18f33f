#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check a core file of an enclave against the structures of ELF, without a library.

usage: core.py FILE MIB VCPUS

Prints the release of the kernel that VMCOREINFO names.
"""

import struct
import sys

path, mib, vcpus = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open(path, "rb") as file:
    head = file.read(65536)
    (machine, phoff, phentsize, phnum) = (struct.unpack_from("<H", head, 18)[0],
                                          struct.unpack_from("<Q", head, 32)[0],
                                          *struct.unpack_from("<HH", head, 54))
    assert head[:7] == b"\x7fELF\x02\x01\x01" and struct.unpack_from("<H", head, 16)[0] == 4
    assert machine == 62 and phentsize == 56
    segments = [struct.unpack_from("<IIQQQQQQ", head, phoff + 56 * i) for i in range(phnum)]
    notes, loads = segments[0], segments[1:]
    assert notes[0] == 4 and all(load[0] == 1 for load in loads)
    ram = [load for load in loads if load[3] == 0]
    assert sum(load[5] for load in ram) == mib << 20, ram
    assert {load[3] for load in loads} == {0, 0xffffffff80000000, 0xffff888000000000}
    file.seek(0, 2)
    assert file.tell() == max(load[2] + load[5] for load in loads)

    at, end, found = notes[2], notes[2] + notes[5], []
    while at < end:
        namesz, descsz, kind = struct.unpack_from("<III", head, at)
        name = head[at + 12:at + 12 + namesz - 1].decode()
        at += 12 + (namesz + 3 & ~3)
        found.append((name, kind, descsz))
        desc = head[at:at + descsz]
        at += descsz + 3 & ~3
    assert found[:2 * vcpus] == [("CORE", 1, 336), ("QEMU", 0, 440)] * vcpus, found
    assert [note[0] for note in found[2 * vcpus:]] == ["VMCOREINFO"], found
    lines = dict(line.split("=", 1) for line in desc.decode().splitlines())
    # The text is where it says that it is: what the symbol names begins with the system's name.
    symbol = int(lines["SYMBOL(init_uts_ns)"], 16) - 0xffffffff80000000
    file.seek(ram[0][2] + symbol)
    assert b"Linux\0" in file.read(4096)
print(lines["OSRELEASE"])
