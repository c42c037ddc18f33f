#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare the processor time of tools that check and measure an image with openssl speed.

usage: eif.py NE_EMU PEER...

PEER is a directory of tests/eif/peer.sh, which need not exist. Every figure is the best of
several rounds, in which the tools take turns, because the machine may be busy.
"""

import os
import resource
import subprocess
import sys
import tempfile

MIB = 1 << 20
SIZE = 512 * MIB
ROUNDS = 3
WANTED = 0.8


def processor_time(*command):
    """User and system time of a command, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def openssl_rate():
    """Bytes per second of SHA-384, in blocks of the size that ne-emu reads."""
    said = subprocess.run(["openssl", "speed", "-mr", "-seconds", "2", "-bytes", "65536", "-evp",
                           "sha384"], check=True, capture_output=True, text=True).stdout
    # "+F:number:SHA384:rate"
    return next(float(line.split(":")[-1]) for line in said.splitlines()
                if line.startswith("+F:"))


def make_images(ne_emu):
    """One large ramdisk, hashed once; a small one and a large one, hashed twice."""
    with open("bzImage", "wb") as file:
        file.write(bytes(0x202) + b"HdrS" + bytes(11) + b"\1" + bytes(8174))
    with open("small", "wb") as file:
        file.write(os.urandom(MIB))
    with open("large", "wb") as file:
        for _ in range(SIZE // MIB):
            file.write(os.urandom(MIB))
    images = {"one ramdisk": (["large"], SIZE),
              "two ramdisks": (["small", "large"], MIB + 2 * SIZE)}
    for name, (ramdisks, _) in images.items():
        words = [word for ramdisk in ramdisks for word in ("--ramdisk", ramdisk)]
        subprocess.run([ne_emu, "eif", "build", "--kernel", "bzImage", "--cmdline", "bench",
                        "--output", name, *words], check=True, stdout=subprocess.DEVNULL)
    return {name: hashed for name, (_, hashed) in images.items()}


def find_tools(ne_emu, peers):
    tools = {"ne-emu": [ne_emu, "eif", "describe", "--json"]}
    for peer in peers:
        if os.path.exists(peer + "/name"):
            with open(peer + "/name", encoding="utf-8") as file:
                tools["AWS's " + file.read().strip()] = [peer + "/bin/eif_describe"]
    return tools


def measure(tools, images):
    """Least seconds per tool and image; best rate of OpenSSL."""
    best, rate = {}, 0
    for _ in range(ROUNDS):
        rate = max(rate, openssl_rate())
        for image in images:
            for tool, command in tools.items():
                seconds = processor_time(*command, image)
                best[tool, image] = min(seconds, best.get((tool, image), seconds))
    return best, rate


def main():
    tools = find_tools(os.path.abspath(sys.argv[1]), map(os.path.abspath, sys.argv[2:]))
    if len(tools) == 1:
        print("AWS's library was not compiled: \"make check-eif\" does that")
    with tempfile.TemporaryDirectory(dir="build") as folder:
        os.chdir(folder)
        images = make_images(tools["ne-emu"][0])
        best, rate = measure(tools, images)
        os.chdir("../..")
    print(f"openssl speed sha384: {rate / MIB:.0f} MiB/s of processor time")
    lowest = None
    for image, hashed in images.items():
        for tool in tools:
            ratio = hashed / best[tool, image] / rate
            if tool == "ne-emu":
                lowest = min(lowest or ratio, ratio)
            print(f"{image}, {tool}: {best[tool, image]:.2f} s, {hashed / MIB:.0f} MiB to hash, "
                  f"{ratio:.2f} of openssl speed")
    print(f"check and measure / openssl speed sha384: {lowest:.2f} (wanted: {WANTED:.2f})")
    sys.exit(lowest < WANTED)


main()
