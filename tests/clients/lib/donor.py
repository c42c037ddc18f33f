#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Donate all free huge pages to an enclave, then create children in each way that Python
has. Although no page is left for copies, all of them must work, and the enclave must still
share the donor's memory.
"""

import ctypes
import fcntl
import mmap
import multiprocessing
import os
import struct
import subprocess
import sys

PAGE = 2 << 20
MAP_HUGETLB = 0x40000
NE_CREATE_VM = 0x8008AE20
NE_SET_USER_MEMORY_REGION = 0x4018AE23


def free_pages():
    """Free huge pages of 2 MiB."""
    with open("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages",
              encoding="ascii") as file:
        return int(file.read())


def donate(memory):
    """An enclave with the memory: its descriptor."""
    device = os.open("/dev/nitro_enclaves", os.O_RDWR)
    enclave = fcntl.ioctl(device, NE_CREATE_VM, bytearray(8))
    os.close(device)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    fcntl.ioctl(enclave, NE_SET_USER_MEMORY_REGION,
                struct.pack("QQQ", 0, len(memory), address))
    return enclave


def plain_fork():
    """A child that shares all memory and writes to it."""
    child = os.fork()
    if not child:
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def forked_process():
    """The same with the module that most programs use."""
    process = multiprocessing.get_context("fork").Process(target=os.getpid)
    process.start()
    process.join()
    return process.exitcode


WAYS = {
    "subprocess.run": lambda: subprocess.run(["true"], check=False).returncode,
    "subprocess.run with a shell": lambda: subprocess.call("exit 0", shell=True),
    "subprocess.run with preexec_fn":
        lambda: subprocess.run(["true"], preexec_fn=os.getpid, check=False).returncode,
    "os.system": lambda: os.system("true"),
    "os.fork": plain_fork,
    "multiprocessing": forked_process,
}


def main():
    """Print a line for each way; fail if one failed."""
    memory = mmap.mmap(-1, free_pages() * PAGE,
                       flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB)
    for offset in range(0, len(memory), PAGE):
        memory[offset] = 1
    enclave = donate(memory)
    failed = 0
    print(f"{len(memory) // PAGE} pages donated, {free_pages()} free")
    for name, way in WAYS.items():
        try:
            result = way()
        except OSError as error:
            result = error.strerror
        print(f"{name}: {result}")
        failed += result != 0
    # No child shares the pages any more, so they are written in place.
    for offset in range(0, len(memory), PAGE):
        memory[offset] = 2
    os.close(enclave)
    return failed or free_pages()


if __name__ == "__main__":
    sys.exit(main() != 0)
