#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare the time to make enclave images of container images with that of other tools.

usage: images.py DIRECTORY PEER

DIRECTORY holds ne-emu, bench-images and guest/init. PEER is a directory of tests/eif/peer.sh,
which need not exist. Each figure is the best of several rounds of wall-clock time, in which
the tools take turns.
"""

import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

MIB = 1 << 20
ROUNDS = 5
BIG_ROUNDS = 2

# Limits: a 100 MB archive against sha384sum and tar; 1.3 GiB against AWS's builder and tar;
# a cached image, seconds.
SMALL_LIMIT = 2.0
BIG_LIMIT = 0.5
CACHED_LIMIT = 0.1


def write_layer(path, files, size):
    """A layer of so many files of different sizes with data that does not compress."""
    rng = random.Random(1)
    block = rng.randbytes(16 * MIB)
    with tarfile.open(path, "w") as tar:
        for number in range(files):
            count = size // files + rng.randrange(-size // files // 2, size // files // 2)
            start = rng.randrange(len(block))
            data = (block[start:] + block * (count // len(block) + 1))[:count]
            info = tarfile.TarInfo(f"usr/lib/{number % 997}/{number}")
            info.size = count
            tar.addfile(info, io.BytesIO(data))
        info = tarfile.TarInfo("usr/bin/true")
        info.mode, info.size = 0o755, 14
        tar.addfile(info, io.BytesIO(b"#!/usr/bin/on\n"))
        info = tarfile.TarInfo("usr/bin/on")
        info.mode, info.size = 0o755, len(ELF)
        tar.addfile(info, io.BytesIO(ELF))


# The least that passes for a static program: an ELF header of x86_64 without segments.
ELF = (b"\x7fELF\2\1\1" + bytes(9) + b"\2\0\x3e\0\1\0\0\0" + bytes(32) + b"\x40\0\x38\0" +
       bytes(8)).ljust(64, b"\0")


def write_archive(path, layer):
    """What "docker save" writes."""
    with open(layer, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/usr/bin/true"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": ["bench:1"],
                            "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as tar:
        for name, data in ("config.json", config), ("manifest.json", manifest):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        tar.add(layer, "layer.tar")


def write_kernel(path):
    """What passes for a bzImage."""
    with open(path, "wb") as file:
        file.write(bytes(0x202) + b"HdrS" + bytes(11) + b"\1" + bytes(8174))


def seconds(*command, **options):
    # What others have written must not compete for the disk.
    os.sync()
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)
    return time.monotonic() - started


def unpack(archive):
    shutil.rmtree("unpacked", ignore_errors=True)
    os.mkdir("unpacked")
    return seconds("tar", "-xf", archive, "-C", "unpacked")


def prepare(tools, archive):
    """Seconds to build an image, and to find it again."""
    shutil.rmtree("cache", ignore_errors=True)
    os.mkdir("cache")
    os.sync()
    said = subprocess.run([tools + "/bench-images", archive, "bzImage", tools + "/guest/init"],
                          check=True, capture_output=True, text=True,
                          env={**os.environ, "XDG_CACHE_HOME": os.getcwd() + "/cache"}).stdout
    words = said.split()
    return float(words[1]), float(words[3])


def least(best, name, value):
    best[name] = min(value, best.get(name, value))


def small(tools):
    write_layer("layer.tar", 2000, 100 * 1000 * 1000)
    write_archive("app.tar", "layer.tar")
    best = {}
    for _ in range(ROUNDS):
        least(best, "sha384sum", seconds("sha384sum", "app.tar"))
        least(best, "tar", unpack("app.tar") + unpack("layer.tar"))
        built, cached = prepare(tools, "app.tar")
        least(best, "built", built)
        least(best, "cached", cached)
    ratio = best["built"] / (best["sha384sum"] + best["tar"])
    print(f"100 MB: sha384sum {best['sha384sum']:.3f} s, tar -x {best['tar']:.3f} s, "
          f"image built {best['built']:.3f} s")
    print(f"image built / (sha384sum + tar -x): {ratio:.2f} (limit: {SMALL_LIMIT:.2f})")
    print(f"cached image found in {best['cached'] * 1000:.1f} ms "
          f"(limit: {CACHED_LIMIT * 1000:.0f} ms)")
    return ratio > SMALL_LIMIT or best["cached"] > CACHED_LIMIT


def big(tools, peer):
    """AWS's builder gets the ramdisks that ours has made, and does not unpack."""
    write_layer("layer.tar", 60000, 1331 * MIB)
    write_archive("app.tar", "layer.tar")
    build = [tools + "/ne-emu", "eif", "build", "--kernel", "bzImage", "--init",
             tools + "/guest/init", "--image", "app.tar", "-o", "image.eif"]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([tools + "/ne-emu", "eif", "extract", "image.eif", "parts"], check=True,
                   stdout=subprocess.DEVNULL)
    aws = [peer + "/bin/eif_build", "--kernel", "bzImage", "--cmdline", "x", "--arch", "x86_64",
           "--ramdisk", "parts/ramdisk0", "--ramdisk", "parts/ramdisk1", "--output", "aws.eif"]
    for option in "name", "build-time", "build-tool", "build-tool-version", "img-os", "img-kernel":
        aws += ["--" + option, "bench"]
    best = {}
    for _ in range(BIG_ROUNDS):
        least(best, "tar", unpack("layer.tar"))
        least(best, "aws", seconds(*aws))
        least(best, "ours", seconds(*build, stderr=subprocess.DEVNULL))
    ratio = best["ours"] / (best["tar"] + best["aws"])
    print(f"1.3 GiB, 60000 files: tar -x {best['tar']:.2f} s, AWS's eif_build "
          f"{best['aws']:.2f} s, ne-emu {best['ours']:.2f} s")
    print(f"ne-emu / (eif_build + tar -x): {ratio:.2f} (limit: {BIG_LIMIT:.2f})")
    return ratio > BIG_LIMIT


def main():
    tools, peer = map(os.path.abspath, sys.argv[1:])
    with tempfile.TemporaryDirectory(dir="build") as folder:
        os.chdir(folder)
        write_kernel("bzImage")
        failed = small(tools)
        if os.path.exists(peer + "/bin/eif_build"):
            failed |= big(tools, peer)
        else:
            print("AWS's library was not compiled: \"make check-eif\" does that")
        os.chdir("../..")
    sys.exit(failed)


main()
