#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Read images of AWS's tools, and have AWS's library read ours. Prints TAP.

usage: interop.py NE_EMU TABLE DIRECTORY...

Each DIRECTORY (peer.sh) holds a file "name", bin/eif_build and bin/eif_describe. All other
files are made here: fake kernels, random ramdisks, keys and certificates. The file TABLE
gets a table of the results by kind of image, tool and direction.
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

KERNEL, CMDLINE, RAMDISK, SIGNATURE, METADATA = range(1, 6)
HEADER = 548
cases = []
CURVES = {"P-256": "prime256v1+2", "P-384": "secp384r1+2", "P-521": "secp521r1+2"}
THERE, HERE, ALIKE = "made there", "made here", "both alike"


class Peer:
    """Programs that use one version of AWS's library."""

    def __init__(self, folder):
        self.name = read(folder + "/name").decode().strip()
        self.builder = folder + "/bin/eif_build"
        self.reader = folder + "/bin/eif_describe"
        # Only our program for a newer library can sign existing images.
        self.signs = self.name.startswith("library")

    def build(self, out, ramdisks, key=None, kernel="bzImage", arch="x86_64"):
        run(self.builder, "--kernel", kernel, "--cmdline", "reboot=k panic=1", "--output", out,
            "--arch", arch, "--name", "test", "--build-time", "2023-11-14T22:13:20+00:00",
            "--build-tool", "ne-emu", "--build-tool-version", version, "--img-os", "Linux",
            "--img-kernel", "unknown", *ramdisk_options(ramdisks), *signing(key))

    def sign(self, image, key):
        run(self.builder, "--sign", image, *signing(key))

    def describe(self, image):
        return json.loads(run(self.reader, image))


class Image:
    """The parts of an image, to be assembled in another way."""

    def __init__(self, name):
        data = read(name)
        self.version, self.flags = struct.unpack_from(">HH", data, 4)
        self.sections = []
        for i in range(struct.unpack_from(">H", data, 26)[0]):
            start = struct.unpack_from(">Q", data, 28 + 8 * i)[0]
            kind, _, size = struct.unpack_from(">HHQ", data, start)
            self.sections.append((kind, data[start + 12:start + 12 + size]))

    def without(self, *kinds):
        self.sections = [s for s in self.sections if s[0] not in kinds]
        return self

    def without_hash(self):
        """Drop the only thing that AWS's builder does not write, after a check."""
        for i, (kind, data) in enumerate(self.sections):
            if kind == METADATA:
                metadata = json.loads(data)
                digest = metadata["BuildMetadata"].pop("KernelSHA256")
                assert digest == hashlib.sha256(self.only(KERNEL)[0][1]).hexdigest()
                self.sections[i] = kind, json.dumps(metadata, separators=(",", ":")).encode()
        return self

    def only(self, kind):
        return [s for s in self.sections if s[0] == kind]

    def save(self, name):
        offsets, sizes, body = [], [], b""
        for kind, data in self.sections:
            offsets.append(HEADER + len(body))
            sizes.append(len(data))
            body += struct.pack(">HHQ", kind, 0, len(data)) + data
        rest = [0] * (32 - len(offsets))
        header = struct.pack(">4sHHQQHH32Q32QI", b".eif", self.version, self.flags, 1 << 30, 2,
                             0, len(offsets), *offsets, *rest, *sizes, *rest, 0)
        crc = zlib.crc32(body, zlib.crc32(header))
        write(name, header + struct.pack(">I", crc) + body)


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
    kernel[0x211] = 1
    write("bzImage", kernel)
    kernel = bytearray(numbers.randbytes(50000))
    kernel[0x38:0x3c] = b"ARM\x64"
    kernel[8:16] = bytes(8)
    kernel[0x202:0x206] = b"none"
    write("Image", kernel)
    for i in range(28):
        write(f"ramdisk{i}", numbers.randbytes(1000 * i + 333))
    write("empty", b"")


def make_key(curve, days):
    name = f"{curve}{days:+}"
    dates = ["-days", str(days)] if days > 0 else [
        "-not_before", "20200101000000Z", "-not_after", "20200102000000Z"]
    run("openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", name + ".key")
    run("openssl", "req", "-new", "-x509", "-key", name + ".key", "-sha384", "-subj",
        "/C=DE/O=EMULATED/CN=signer of " + curve, *dates, "-out", name + ".pem")
    return name


def first(count):
    return [f"ramdisk{i}" for i in range(count)]


def ramdisk_options(names):
    return [word for name in names for word in ("--ramdisk", name)]


def signing(key):
    return ["--signing-certificate", key + ".pem", "--private-key", key + ".key"] if key else []


def our_build(out, ramdisks, key=None, kernel="bzImage", **_):
    run(ne_emu, "eif", "build", "--kernel", kernel, "--cmdline", "reboot=k panic=1", "-o", out,
        "--name", "test", "--version", "test", *ramdisk_options(ramdisks), *signing(key))


def ours(image, code=0):
    return json.loads(run(ne_emu, "eif", "describe", "--json", image, code=code))


def without_hash(image):
    Image(image).without_hash().save("without.eif")
    return read("without.eif")


def compare(peer, image, signed, good=True):
    """Both tools describe an image in the same, expected way."""
    a, b = ours(image, code=0 if good else 1), peer.describe(image)
    keys = ["EifVersion", "IsSigned", "CheckCRC", "ImageName", "ImageVersion"]
    keys += ["SigningCertificate", "SignatureCheck"] if signed else []
    for key in keys:
        assert a.get(key) == b.get(key), f"{key}: {a.get(key)} here, {b.get(key)} there"
    assert ("Metadata" in a) == ("DockerInfo" in b)
    assert a.get("Metadata", {}).get("DockerInfo") == b.get("DockerInfo")
    registers = {"PCR0", "PCR1", "PCR2"} | ({"PCR8"} if signed else set())
    assert set(a["Measurements"]) == registers | {"HashAlgorithm"}, a["Measurements"]
    # Newer libraries use another hash crate, with another name for the algorithm.
    for register in registers | (set() if peer.signs else {"HashAlgorithm"}):
        assert a["Measurements"][register] == b["Measurements"][register], register
    only_here = {"FormatVersion", "Metadata", "Details"}
    assert set(a) <= set(b) - {"DockerInfo", "Verified"} | only_here, set(a)
    assert a["IsSigned"] == signed
    if good:
        assert a["CheckCRC"]
        run(ne_emu, "eif", "verify", image)
        if signed:
            assert a["SignatureCheck"] and b["Verified"]
    return a, b


def case(kind, direction):
    """A test of a kind of image, run once for each peer."""
    return lambda function: cases.append((kind, direction, function))


def both(kind):
    """The same for images built by either side: function(peer, build)."""
    def add(function):
        case(kind, THERE)(lambda peer: function(peer, peer.build))
        case(kind, HERE)(lambda peer: function(peer, our_build))
    return add


def add_build_cases():
    for count in (1, 2, 3, 28):
        for curve, key in {"unsigned": None, **CURVES}.items():
            @both(f"{count} ramdisk{'s' if count > 1 else ''}, {curve}")
            def _(peer, build, count=count, key=key):
                build("image.eif", first(count), key)
                compare(peer, "image.eif", bool(key))

        @case(f"{count} ramdisk{'s' if count > 1 else ''}, unsigned", ALIKE)
        def _(peer, count=count):
            peer.build("aws.eif", first(count))
            our_build("our.eif", first(count))
            assert without_hash("our.eif") == read("aws.eif")


def add_version_cases():
    for number in (2, 3):
        for key in (None, CURVES["P-384"]):
            @both(f"version {number}, {'signed' if key else 'unsigned'}")
            def _(peer, build, number=number, key=key):
                build("image.eif", first(2), key)
                before = ours("image.eif")["Measurements"]
                image = Image("image.eif").without(METADATA)
                image.version = number
                image.save("image.eif")
                after = compare(peer, "image.eif", bool(key))[0]
                assert after["EifVersion"] == number and after["Measurements"] == before


@both("aarch64, unsigned")
def _(peer, build):
    build("image.eif", first(2), kernel="Image", arch="aarch64")
    assert Image("image.eif").flags == 1
    assert compare(peer, "image.eif", False)[0]["Details"]["Architecture"] == "aarch64"


@both("aarch64, P-384")
def _(peer, build):
    build("image.eif", first(2), CURVES["P-384"], kernel="Image", arch="aarch64")
    compare(peer, "image.eif", True)


@case("aarch64, unsigned", ALIKE)
def _(peer):
    peer.build("aws.eif", first(2), kernel="Image", arch="aarch64")
    our_build("our.eif", first(2), kernel="Image")
    assert without_hash("our.eif") == read("aws.eif")


@both("second ramdisk empty")
def _(peer, build):
    build("image.eif", ["ramdisk0", "empty"])
    assert compare(peer, "image.eif", False)[0]["Measurements"]["PCR2"] == extend()


@both("metadata last")
def _(peer, build):
    build("image.eif", first(2))
    before = ours("image.eif")["Measurements"]
    image = Image("image.eif")
    image.sections = image.without(METADATA).sections + Image("image.eif").only(METADATA)
    image.save("image.eif")
    assert compare(peer, "image.eif", False)[0]["Measurements"] == before


@both("cmdline first")
def _(peer, build):
    build("image.eif", first(2))
    before = ours("image.eif")["Measurements"]
    image = Image("image.eif")
    image.sections = image.only(CMDLINE) + image.without(CMDLINE).sections
    image.save("image.eif")
    after = compare(peer, "image.eif", False)[0]["Measurements"]
    assert [before[r] == after[r] for r in ("PCR0", "PCR1", "PCR2")] == [False, False, True]


@both("cmdline last")
def _(peer, build):
    build("image.eif", first(2))
    before = ours("image.eif")["Measurements"]
    image = Image("image.eif")
    image.sections = image.without(CMDLINE).sections + Image("image.eif").only(CMDLINE)
    image.save("image.eif")
    after = compare(peer, "image.eif", False)[0]["Measurements"]
    assert [before[r] == after[r] for r in ("PCR0", "PCR1", "PCR2")] == [False, False, True]


@case("signed here again and again", THERE)
def _(peer):
    peer.build("aws.eif", first(2))
    before = peer.describe("aws.eif")["Measurements"]
    for key in CURVES.values():
        run(ne_emu, "eif", "sign", "aws.eif", *signing(key))     # replaces the one before
        after = compare(peer, "aws.eif", True)[1]["Measurements"]
        assert {**after, "PCR8": 0} == {**before, "PCR8": 0}


@case("signed there", HERE)
def _(peer):
    if not peer.signs:
        return "this eif_build signs only what it builds"
    our_build("our.eif", first(2))
    before = ours("our.eif")["Measurements"]
    peer.sign("our.eif", CURVES["P-384"])
    after = compare(peer, "our.eif", True)[0]["Measurements"]
    assert {**after, "PCR8": 0} == {**before, "PCR8": 0}


@case("signed there twice: stale size", HERE)
def _(peer):
    if not peer.signs:
        return "this eif_build signs only what it builds"
    our_build("our.eif", first(2), CURVES["P-256"])
    peer.sign("our.eif", CURVES["P-521"])
    found = json.loads(run(ne_emu, "eif", "verify", "--json", "our.eif", code=1))["Findings"]
    assert [f["Check"] for f in found if f["Status"] == "error"] == ["structure"], found
    assert "signed twice" in found[0]["Text"], found
    run(ne_emu, "eif", "sign", "our.eif", *signing(CURVES["P-384"]))
    compare(peer, "our.eif", True)
    run(ne_emu, "eif", "verify", "--signed", "our.eif")


@case("signed there with a key beside the certificate", HERE)
def _(peer):
    key = CURVES["P-384"]
    write("both.pem", read(key + ".key") + read(key + ".pem"))
    write("both.key", read(key + ".key"))
    peer.build("aws.eif", first(2), "both")
    found = json.loads(run(ne_emu, "eif", "verify", "--json", "aws.eif", code=1))["Findings"]
    assert [f["Check"] for f in found if f["Status"] == "error"] == ["private-key"], found


@case("same sections around a signature", ALIKE)
def _(peer):
    peer.build("aws.eif", first(2), CURVES["P-384"])
    our_build("our.eif", first(2), CURVES["P-384"])
    a, b = Image("aws.eif"), Image("our.eif").without_hash()
    assert a.sections[:-1] == b.sections[:-1]
    a, b = a.sections[-1], b.sections[-1]
    assert a[0] == b[0] == SIGNATURE
    assert abs(len(a[1]) - len(b[1])) <= 60                      # bytes below 24 are shorter
    same = a[1].index(b"signing_certificate") + 700
    assert a[1][:same] == b[1][:same]


def extend(*parts):
    """A register: zeros extended with the hash of these files."""
    content = hashlib.sha384()
    for part in parts:
        content.update(part)
    return hashlib.sha384(bytes(48) + content.digest()).hexdigest()


@case("100 MiB, computed by Python", HERE)
def _(peer):
    cmdline, small, large = b"reboot=k panic=1", read("ramdisk1"), os.urandom(100 << 20)
    write("large", large)
    our_build("our.eif", ["ramdisk1", "large"])
    measured = compare(peer, "our.eif", False)[0]["Measurements"]
    assert measured["PCR0"] == extend(read("bzImage"), cmdline, small, large)
    assert measured["PCR1"] == extend(read("bzImage"), cmdline, small)
    assert measured["PCR2"] == extend(large)


@case("PCR8 from the certificate alone", HERE)
def _(peer):
    our_build("our.eif", first(1), CURVES["P-384"])
    pcr = json.loads(run(ne_emu, "eif", "pcr", "--json", "--signing-certificate",
                         CURVES["P-384"] + ".pem"))
    assert pcr["PCR8"] == peer.describe("our.eif")["Measurements"]["PCR8"]


@case("an application's ramdisks", HERE)
def _(peer):
    os.makedirs("root/bin", exist_ok=True)
    write("root/bin/app", b"#!/bin/sh\n")
    run(ne_emu, "eif", "build", "--kernel", "bzImage", "--rootfs", "root", "--exec", "/bin/app",
        "--init", "root/bin/app", "-o", "our.eif", *signing(CURVES["P-384"]))
    compare(peer, "our.eif", True)


@both("certificate expired")
def _(peer, build):
    build("image.eif", first(2), "secp384r1-1")
    verdict = compare(peer, "image.eif", True, good=False)[1]
    assert verdict["SignatureCheck"] and not verdict["Verified"]
    found = json.loads(run(ne_emu, "eif", "verify", "--json", "image.eif", code=1))
    assert [f["Check"] for f in found["Findings"] if f["Status"] == "error"] == ["certificate"]
    run(ne_emu, "eif", "verify", "--allow-expired", "image.eif")


@both("section damaged")
def _(peer, build):
    build("image.eif", first(2))
    image = bytearray(read("image.eif"))
    image[1000] ^= 1
    write("image.eif", image)
    assert not compare(peer, "image.eif", False, good=False)[0]["CheckCRC"]


@both("signature of another image")
def _(peer, build):
    build("one.eif", first(1), CURVES["P-384"])
    build("two.eif", first(2))
    image = Image("two.eif")
    image.sections += Image("one.eif").only(SIGNATURE)
    image.save("two.eif")
    described = compare(peer, "two.eif", True, good=False)[0]
    assert described["CheckCRC"] and not described["SignatureCheck"]


def write_table(peers, results):
    """Print a line per kind of image, a column per tool and direction."""
    columns = [(peer.name, direction) for peer in peers for direction in (THERE, HERE, ALIKE)]
    kinds = list(dict.fromkeys(kind for kind, _, _ in cases))
    with open(table, "w", encoding="utf-8") as file:
        for i, peer in enumerate(peers):
            print(" " * (34 + 33 * i) + peer.name, file=file)
        print(f"{'image':34}" + "".join(f"{direction:11}" for _, direction in columns), file=file)
        for kind in kinds:
            cells = [results.get((kind, *column), "-") for column in columns]
            print(f"{kind:34}" + "".join(f"{cell:11}" for cell in cells).rstrip(), file=file)


def run_case(name, function, peer):
    """Run a test. Returns a word for the table, and the result and name of the TAP line."""
    try:
        skipped = function(peer)
    except Exception:                                            # anything is a failure
        print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()),
              end="")
        return "FAILED", "not ok", name
    if skipped:
        return "skipped", "ok", f"{name} # SKIP {skipped}"
    return "ok", "ok", name


def main():
    make_inputs()
    for curve in CURVES.values():
        make_key(curve[:-2], 2)
    make_key("secp384r1", -1)
    others = cases.copy()
    cases.clear()
    add_build_cases()
    add_version_cases()
    cases.extend(others)
    results, number = {}, 0
    print("TAP version 13")
    print(f"1..{len(cases) * len(peers)}")
    for peer in peers:
        for kind, direction, function in cases:
            number += 1
            name = f"{peer.name}: {kind}, {direction}"
            word, status, line = run_case(name, function, peer)
            results[kind, peer.name, direction] = word
            print(f"{status} {number} - {line}", flush=True)
    write_table(peers, results)
    sys.exit("FAILED" in results.values())


ne_emu, table = sys.argv[1], os.path.abspath(sys.argv[2])
peers = [Peer(folder) for folder in sys.argv[3:]]
tmp = tempfile.TemporaryDirectory()
os.chdir(tmp.name)
os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
version = run(ne_emu, "--version").split()[1]
main()
