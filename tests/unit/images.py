# SPDX-License-Identifier: Apache-2.0
"""Container images for the tests of archives, and what an enclave image holds of them."""

import gzip
import hashlib
import io
import json
import os
import stat
import struct
import subprocess
import tarfile
import traceback

OCI, DOCKER = "application/vnd.oci.image.", "application/vnd.docker."
REF = "org.opencontainers.image.ref.name"


def tar(entries, form=tarfile.GNU_FORMAT, **options):
    """A tar archive. Entries: (name, type, contents or target, mode, uid, gid, extra)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, errors="surrogateescape",
                      **options) as archive:
        for name, kind, data, mode, uid, gid, extra in entries:
            info = tarfile.TarInfo(os.fsdecode(name) if isinstance(name, bytes) else name)
            info.type, info.mode, info.uid, info.gid = kind, mode, uid, gid
            for key, value in extra.items():
                setattr(info, key, value)
            if kind == tarfile.REGTYPE:
                info.size = len(data)
            else:
                info.linkname = data
            archive.addfile(info, io.BytesIO(data) if kind == tarfile.REGTYPE else None)
    return out.getvalue()


def file(name, data=b"x", mode=0o644, uid=0, gid=0, **extra):
    return name, tarfile.REGTYPE, data, mode, uid, gid, extra


def folder(name, mode=0o755, uid=0, gid=0, **extra):
    return name, tarfile.DIRTYPE, "", mode, uid, gid, extra


def soft(name, target):
    return name, tarfile.SYMTYPE, target, 0o777, 0, 0, {}


def hard(name, target):
    return name, tarfile.LNKTYPE, target, 0o644, 0, 0, {}


def node(name, kind, major=0, minor=0):
    return name, kind, "", 0o600, 0, 0, {"devmajor": major, "devminor": minor}


def zstd(data):
    """A frame of zstd with blocks that are not compressed."""
    blocks = [data[at:at + 100000] for at in range(0, len(data), 100000)]
    heads = [(len(block) << 3 | (i == len(blocks) - 1)).to_bytes(3, "little")
             for i, block in enumerate(blocks)]
    return b"\x28\xb5\x2f\xfd\x00\x58" + b"".join(map(bytes.__add__, heads, blocks))


def digest(data, kind="sha256"):
    return f"{kind}:{hashlib.new(kind, data).hexdigest()}"


class Layout:
    """An OCI image layout that is being written."""

    def __init__(self, path):
        self.path = path
        os.makedirs(path + "/blobs/sha256")
        self.write("oci-layout", {"imageLayoutVersion": "1.0.0"})

    def write(self, name, data):
        os.makedirs(os.path.dirname(f"{self.path}/{name}"), exist_ok=True)
        with open(f"{self.path}/{name}", "wb") as out:
            out.write(data if isinstance(data, bytes) else json.dumps(data).encode())

    def blob(self, value, media=None, kind="sha256", keep=True, **more):
        """Write a blob. Return its descriptor."""
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        name = digest(data, kind)
        if keep:
            self.write("blobs/" + name.replace(":", "/"), data)
        return {**({"mediaType": media} if media else {}), "digest": name, "size": len(data),
                **more}

    def config(self, label, layers, arch="amd64", **more):
        return {"architecture": arch, "os": "linux",
                "config": {"Cmd": ["/t/x"], "Labels": {"id": label}},
                "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
                **more}

    def image(self, label="a", layers=None, platform=None, name=None, change=None, config=None,
              blob=None, descriptor=None, pack=gzip.compress, **more):
        """Write an image. Return the descriptor of its manifest. @change edits the manifest."""
        layers = [tar([file("t/x", label.encode())])] if layers is None else layers
        manifest = {
            "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
            "config": self.blob({**self.config(label, layers, **more), **(config or {})},
                                OCI + "config.v1+json", **(blob or {})),
            "layers": [self.blob(pack(layer), OCI + "layer.v1.tar+gzip", **(blob or {}))
                       for layer in layers]}
        if change:
            change(manifest)
        result = self.blob(manifest, OCI + "manifest.v1+json", **(blob or {}))
        if platform:
            parts = platform.split("/")
            result["platform"] = dict(zip(("os", "architecture", "variant"), parts))
        if name:
            result["annotations"] = {REF: name}
        return {**result, **(descriptor or {})}

    def index(self, manifests, name=None, **more):
        result = self.blob({"schemaVersion": 2, "mediaType": OCI + "index.v1+json",
                            "manifests": manifests}, OCI + "index.v1+json", **more)
        return {**result, **({"annotations": {REF: name}} if name else {})}

    def done(self, *manifests):
        self.write("index.json", {"schemaVersion": 2, "manifests": list(manifests)})


def kernel():
    """Bytes that are taken for a bzImage."""
    data = bytearray(4096)
    data[0x202:0x206] = b"HdrS"
    data[0x211] = 1
    return bytes(data)


class Failed(Exception):
    """A program failed, with this output."""


def run(*args, stdin=subprocess.DEVNULL):
    done = subprocess.run(args, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    if done.returncode:
        raise Failed(done.stdout.decode(errors="replace"))
    return done.stdout


def ramdisk(data):
    """Names of a cpio archive: {name: (mode, uid, gid, ino, size, rdev, contents)}."""
    at, found = 0, {}
    while True:
        assert data[at:at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        ino, mode, uid, gid, _, _, size, _, _, major, minor, length, _ = fields
        name = data[at + 110:at + 110 + length - 1]
        at = (at + 110 + length + 3) & ~3
        if name == b"TRAILER!!!":
            return found
        found[name] = mode, uid, gid, ino, (major, minor), data[at:at + size]
        at = (at + size + 3) & ~3


class Built:
    """The enclave image that ne-emu makes of a container image, and the parts of it."""

    def __init__(self, ne_emu, init, path, *options, stdin=subprocess.DEVNULL):
        with open("kernel", "wb") as out:
            out.write(kernel())
        run(ne_emu, "eif", "build", "--kernel", "kernel", "--init", init, "--image", path,
            "--output", "image.eif", "--name", "n", *options, stdin=stdin)
        with open("image.eif", "rb") as source:
            data = source.read()
        self.ramdisks = []
        for i in range(struct.unpack_from(">H", data, 26)[0]):
            start = struct.unpack_from(">Q", data, 28 + 8 * i)[0]
            kind, _, size = struct.unpack_from(">HHQ", data, start)
            part = data[start + 12:start + 12 + size]
            if kind == 3:
                self.ramdisks.append(part)
            elif kind == 5:
                self.metadata = json.loads(part)

    def label(self):
        return self.metadata["DockerInfo"]["Config"]["Labels"]["id"]

    def tree(self, top=b"rootfs/t"):
        """{name: (type, mode, contents or target, first name of the file, owner, device)}"""
        first, found, contents = {}, {}, {}
        names = ramdisk(self.ramdisks[-1])
        for mode, _, _, ino, _, data in names.values():
            if stat.S_ISREG(mode):
                contents[ino] = contents.get(ino) or data
        for name in sorted(names):
            mode, uid, gid, ino, device, data = names[name]
            if name != top and not name.startswith(top + b"/"):
                continue
            key = name[len(b"rootfs/"):]
            found[key] = (stat.S_IFMT(mode), stat.S_IMODE(mode),
                          contents[ino] if stat.S_ISREG(mode) else data,
                          first.setdefault(ino, key) if stat.S_ISREG(mode) else key,
                          (uid, gid), device)
        return found


def run_cases(cases):
    """Run (name, function) as TAP. Return the exit status."""
    bad = 0
    print("TAP version 13")
    print(f"1..{len(cases)}")
    for number, (name, function) in enumerate(cases, 1):
        try:
            function()
            result = "ok"
        except Exception:                                        # anything is a failure
            print("".join("# " + line + "\n" for line in traceback.format_exc().splitlines()),
                  end="")
            result, bad = "not ok", 1
        print(f"{result} {number} - {name}", flush=True)
    return bad
