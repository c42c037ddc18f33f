#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Images of AWS's tools read here, images made here read by AWS's library: TAP.

usage: interop.py NE_EMU FOLDER

FOLDER holds bin/eif_build and bin/eif_describe (peer.sh). Everything else is made
here: kernels that look like ones, random ramdisks, keys and certificates.
"""

import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import traceback
import zlib

ne_emu, peer = sys.argv[1], sys.argv[2] + "/bin/"
tmp = tempfile.TemporaryDirectory()
os.chdir(tmp.name)
os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
cases = []


def run(*command, code=0):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != code:
        raise AssertionError(f"{' '.join(command)} exited with {done.returncode}, "
                             f"not {code}: {done.stdout}{done.stderr}")
    return done.stdout


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


def read(name):
    with open(name, "rb") as file:
        return file.read()


def make_inputs():
    numbers = random.Random(48)
    kernel = bytearray(numbers.randbytes(70001))
    kernel[0x202:0x206] = b"HdrS"
    kernel[0x20e:0x210] = b"\0\0"
    write("bzImage", kernel)
    kernel = bytearray(numbers.randbytes(50000))
    kernel[0x38:0x3c] = b"ARM\x64"
    kernel[8:16] = bytes(8)
    kernel[0x202:0x206] = b"none"
    write("Image", kernel)
    for i in range(3):
        write(f"ramdisk{i}", numbers.randbytes(1000 * i + 333))


def make_key(curve, days):
    name = f"{curve}{days:+}"
    dates = ["-days", str(days)] if days > 0 else [
        "-not_before", "20200101000000Z", "-not_after", "20200102000000Z"]
    run("openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", name + ".key")
    run("openssl", "req", "-new", "-x509", "-key", name + ".key", "-sha384", "-subj",
        "/C=DE/O=EMULATED/CN=signer of " + curve, *dates, "-out", name + ".pem")
    return name


def ramdisks(count):
    return [word for i in range(count) for word in ("--ramdisk", f"ramdisk{i}")]


def signing(key):
    return ["--signing-certificate", key + ".pem", "--private-key", key + ".key"] if key else []


def aws_build(out, count, key=None, kernel="bzImage", arch="x86_64"):
    run(peer + "eif_build", "--kernel", kernel, "--cmdline", "reboot=k panic=1", "--output", out,
        "--arch", arch, "--name", "test", "--build-time", "2023-11-14T22:13:20+00:00",
        "--build-tool", "ne-emu", "--build-tool-version", version, "--img-os", "Linux",
        "--img-kernel", "unknown", *ramdisks(count), *signing(key))


def our_build(out, count, key=None, kernel="bzImage"):
    run(ne_emu, "eif", "build", "--kernel", kernel, "--cmdline", "reboot=k panic=1", "-o", out,
        "--name", "test", "--version", "test", *ramdisks(count), *signing(key))


def ours(image, code=0):
    return json.loads(run(ne_emu, "eif", "describe", "--json", image, code=code))


def theirs(image):
    return json.loads(run(peer + "eif_describe", image))


def same_descriptions(image, signed, good=True):
    """Both tools say the same of an image, and what they say is expected."""
    a, b = ours(image, code=0 if good else 1), theirs(image)
    keys = ["EifVersion", "IsSigned", "CheckCRC", "ImageName", "ImageVersion"]
    keys += ["SigningCertificate", "SignatureCheck"] if signed else []
    for key in keys:
        assert a[key] == b[key], f"{key}: {a[key]} here, {b[key]} there"
    assert a["Metadata"]["DockerInfo"] == b["DockerInfo"]
    registers = {"PCR0", "PCR1", "PCR2"} | ({"PCR8"} if signed else set())
    assert set(a["Measurements"]) == registers | {"HashAlgorithm"}, a["Measurements"]
    for register in registers:
        assert a["Measurements"][register] == b["Measurements"][register], register
    assert set(a) <= set(b) - {"DockerInfo", "Verified"} | {"Metadata", "Details"}, set(a)
    assert a["IsSigned"] == signed
    if good:
        assert a["CheckCRC"]
        run(ne_emu, "eif", "verify", image)
        if signed:
            assert a["SignatureCheck"] and b["Verified"]
    return a, b


def case(name):
    return lambda function: cases.append((name, function))


def add_build_cases():
    for count in (1, 2, 3):
        for key in (None, "prime256v1+2", "secp384r1+2", "secp521r1+2"):
            kind = f"{count} ramdisks, " + (f"signed with {key[:-2]}" if key else "unsigned")

            @case(f"made by AWS's tool, {kind}")
            def _(count=count, key=key):
                aws_build("aws.eif", count, key)
                same_descriptions("aws.eif", bool(key))

            @case(f"made here, {kind}")
            def _(count=count, key=key):
                our_build("our.eif", count, key)
                same_descriptions("our.eif", bool(key))

            if not key:
                @case(f"the same bytes from both, {kind}")
                def _(count=count):
                    aws_build("aws.eif", count)
                    our_build("our.eif", count)
                    assert read("aws.eif") == read("our.eif")


@case("signed here, made by AWS's tool")
def _():
    aws_build("aws.eif", 2)
    before = theirs("aws.eif")["Measurements"]
    for key in ("prime256v1+2", "secp384r1+2", "secp521r1+2"):
        run(ne_emu, "eif", "sign", "aws.eif", *signing(key))     # replaces the one before
        after = same_descriptions("aws.eif", True)[1]["Measurements"]
        assert {**after, "PCR8": 0} == {**before, "PCR8": 0}


@case("the same sections around a signature")
def _():
    aws_build("aws.eif", 2, "secp384r1+2")
    our_build("our.eif", 2, "secp384r1+2")
    a, b = read("aws.eif"), read("our.eif")
    start = struct.unpack_from(">Q", a, 28 + 8 * 5)[0]
    certificate = b"signing_certificate"
    same = a.index(certificate, start) + 700
    assert len(a) - len(b) in range(-60, 61)                     # bytes below 24 are shorter
    assert a[548:start] == b[548:start] and a[start + 12:same] == b[start + 12:same]


def extend(*parts):
    """A register: the zero one, extended with the hash of these files."""
    content = hashlib.sha384()
    for part in parts:
        content.update(part)
    return hashlib.sha384(bytes(48) + content.digest()).hexdigest()


@case("measurements of a large image, computed by Python")
def _():
    cmdline, first, second = b"reboot=k panic=1", read("ramdisk1"), os.urandom(100 << 20)
    write("large", second)
    run(ne_emu, "eif", "build", "--kernel", "bzImage", "--cmdline", cmdline.decode(), "-o",
        "our.eif", "--ramdisk", "ramdisk1", "--ramdisk", "large")
    measured = ours("our.eif")["Measurements"]
    assert measured["PCR0"] == extend(read("bzImage"), cmdline, first, second)
    assert measured["PCR1"] == extend(read("bzImage"), cmdline, first)
    assert measured["PCR2"] == extend(second)


@case("PCR8 from the certificate alone")
def _():
    our_build("our.eif", 1, "secp384r1+2")
    pcr = json.loads(run(ne_emu, "eif", "pcr", "--json", "--signing-certificate",
                         "secp384r1+2.pem"))
    assert pcr["PCR8"] == theirs("our.eif")["Measurements"]["PCR8"]


@case("aarch64 kernels")
def _():
    aws_build("aws.eif", 2, kernel="Image", arch="aarch64")
    our_build("our.eif", 2, kernel="Image")
    same_descriptions("aws.eif", False)
    assert read("aws.eif") == read("our.eif")


@case("an application's ramdisks")
def _():
    os.makedirs("root/bin", exist_ok=True)
    write("root/bin/app", b"#!/bin/sh\n")
    run(ne_emu, "eif", "build", "--kernel", "bzImage", "--rootfs", "root", "--exec", "/bin/app",
        "--init", "root/bin/app", "-o", "our.eif", *signing("secp384r1+2"))
    same_descriptions("our.eif", True)


@case("an expired certificate")
def _():
    for build in (aws_build, our_build):
        build("image.eif", 2, "secp384r1-1")
        verdict = same_descriptions("image.eif", True, good=False)[1]
        assert verdict["SignatureCheck"] and not verdict["Verified"]
        found = json.loads(run(ne_emu, "eif", "verify", "--json", "image.eif", code=1))
        assert [f["Check"] for f in found["Findings"] if f["Result"] == "error"] == ["certificate"]
        run(ne_emu, "eif", "verify", "--allow-expired", "image.eif")


@case("a damaged section")
def _():
    for build in (aws_build, our_build):
        build("image.eif", 2)
        image = bytearray(read("image.eif"))
        image[1000] ^= 1
        write("image.eif", image)
        assert not same_descriptions("image.eif", False, good=False)[0]["CheckCRC"]


@case("a signature of another image")
def _():
    aws_build("one.eif", 1, "secp384r1+2")
    aws_build("two.eif", 2)
    one, two = read("one.eif"), bytearray(read("two.eif"))
    section = one[struct.unpack_from(">Q", one, 28 + 8 * 4)[0]:]
    struct.pack_into(">Q", two, 28 + 8 * 5, len(two))
    struct.pack_into(">Q", two, 284 + 8 * 5, len(section) - 12)
    struct.pack_into(">H", two, 26, 6)
    two += section
    struct.pack_into(">I", two, 544, zlib.crc32(two[548:], zlib.crc32(two[:544])))
    write("two.eif", two)
    described = same_descriptions("two.eif", True, good=False)[0]
    assert described["CheckCRC"] and not described["SignatureCheck"]


make_inputs()
for curve in ("prime256v1", "secp384r1", "secp521r1"):
    make_key(curve, 2)
make_key("secp384r1", -1)
version = run(ne_emu, "--version").split()[1]
add_build_cases()
print("TAP version 13")
print(f"1..{len(cases)}")
failed = 0
for number, (name, function) in enumerate(cases, 1):
    try:
        function()
        print(f"ok {number} - {name}")
    except Exception:                                            # anything is a failure
        failed += 1
        print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()),
              end="")
        print(f"not ok {number} - {name}")
sys.exit(1 if failed else 0)
