# SPDX-License-Identifier: Apache-2.0
"""Odd but legal forms of archives and indexes: which image ne-emu takes, and what it refuses.

usage: forms.py NE-EMU INIT

Each image has a label. Where skopeo chooses, too, it has to choose the same one; a row says
why if it cannot.
"""

import base64
import bz2
import gzip
import json
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

from images import DOCKER, OCI, REF, Built, Failed, Layout, digest, file, run, run_cases, tar, zstd

cases = []


def form(name, takes=None, refuses=None, tag=None, skopeo=None):
    """A case: the function writes an image store and returns its path or None."""
    def add(write):
        def case():
            with tempfile.TemporaryDirectory(dir=".") as top:
                layout = Layout(top + "/i")
                path = write(layout) or layout.path
                check(path, getattr(layout, "tag", tag), takes, refuses)
                if takes and skopeo is None:
                    assert peer(path, tag) == takes, peer(path, tag)
        cases.append((name, case))
        return write
    return add


def check(path, tag, takes, refuses):
    options = ["--tag", tag] if tag else []
    try:
        built = Built(ne_emu, init, path, *options)
    except Failed as failure:
        assert refuses and refuses in str(failure), failure
    else:
        assert not refuses, built.label()
        assert built.label() == takes, built.label()


def peer(path, tag):
    """Return: the label of the image that skopeo takes."""
    if os.path.isdir(path):
        kind = "oci" if os.path.exists(path + "/index.json") else "dir"
    else:
        with tarfile.open(path) as archive:
            names = [os.path.normpath(name) for name in archive.getnames()]
        kind = "docker-archive" if "manifest.json" in names else "oci-archive"
    source = f"{kind}:{path}" + (f":{tag}" if tag else "")
    config = run("skopeo", "--override-arch", "amd64", "--override-os", "linux", "inspect",
                 "--config", source)
    return json.loads(config)["config"]["Labels"]["id"]


def copy(layout, target, *options):
    run("skopeo", "--insecure-policy", "copy", "--quiet", *options, "oci:" + layout.path, target)


def pack(path, *names, compress=bytes):
    """Archive a directory, perhaps compressed as a whole."""
    data = run("tar", "-C", path, "-c", *(names or ["."]))
    with open(path + ".tar", "wb") as out:
        out.write(compress(data))
    return path + ".tar"


VARIANTS = "none: it wants an entry without variant"


@form("variants v3 and v2 below a name", takes="v2", skopeo=VARIANTS)
@form("variants v3 and v2 below a name, with --tag", takes="v2", tag="app:1", skopeo=VARIANTS)
def _(i):
    i.done(i.index([i.image("v3", platform="linux/amd64/v3"),
                    i.image("v2", platform="linux/amd64/v2")], "app:1"))


@form("variants, one without", takes="plain")
def _(i):
    i.done(i.index([i.image("v3", platform="linux/amd64/v3"),
                    i.image("plain", platform="linux/amd64")]))


@form("equal entries: the first", takes="one")
def _(i):
    i.done(i.index([i.image("one", platform="linux/amd64"),
                    i.image("two", platform="linux/amd64")]))


@form("variants in index.json itself", takes="v2", skopeo="wants one image")
def _(i):
    i.done(i.image("v3", platform="linux/amd64/v3"), i.image("v2", platform="linux/amd64/v2"))


@form("a variant by its digest", takes="v3", skopeo="knows names only")
def _(i):
    v3 = i.image("v3", platform="linux/amd64/v3")
    i.tag = v3["digest"]
    i.done(i.index([i.image("v2", platform="linux/amd64/v2"), v3], "app:1"))


@form("no platform, other machine first", takes="amd", skopeo="wants a platform")
def _(i):
    i.done(i.index([i.image("arm", arch="arm64"), i.image("amd", arch="amd64")]))


@form("no platform in index.json", takes="amd", skopeo="wants one image")
def _(i):
    i.done(i.image("arm", arch="arm64"), i.image("amd", arch="amd64"))


@form("no platform that fits", refuses="no image for linux/amd64, only for linux/arm64, linux/s390x")
def _(i):
    i.done(i.index([i.image("arm", arch="arm64"), i.image("z", platform="linux/s390x")]))


@form("another system", refuses="only for windows/amd64")
def _(i):
    i.done(i.image("w", config={"os": "windows"}))


@form("os.features", takes="b", skopeo="ignores them")
def _(i):
    needs = i.image("a")
    needs["platform"] = {"os": "linux", "architecture": "amd64", "os.features": ["x"]}
    i.done(i.index([needs, i.image("b", platform="linux/amd64")]))


@form("provenance beside the image", takes="a")
def _(i):
    about = i.image("p", platform="unknown/unknown", descriptor={
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"}})
    i.done(i.index([about, i.image("a", platform="linux/amd64")]))


@form("provenance that is missing", takes="a")
def _(i):
    gone = {"mediaType": OCI + "manifest.v1+json", "digest": digest(b"gone"), "size": 4,
            "platform": {"os": "unknown", "architecture": "unknown"}}
    i.done(i.index([gone, i.image("a", platform="linux/amd64")]))


@form("images of other platforms are missing", takes="a")
def _(i):
    gone = {"mediaType": OCI + "manifest.v1+json", "digest": digest(b"gone"), "size": 4,
            "platform": {"os": "linux", "architecture": "arm64"}}
    i.done(i.index([gone, i.image("a", platform="linux/amd64")]))


@form("nested indexes", takes="a", skopeo="reads one level")
def _(i):
    i.done(i.index([i.index([i.index([i.image("a", platform="linux/amd64")])])]))


@form("five nested indexes", refuses="more than 4 nested indexes")
def _(i):
    inner = i.image("a")
    for _ in range(5):
        inner = i.index([inner])
    i.done(inner)


@form("manifest list of Docker", takes="a")
def _(i):
    def docker(manifest):
        manifest["mediaType"] = DOCKER + "distribution.manifest.v2+json"
        manifest["config"]["mediaType"] = DOCKER + "container.image.v1+json"
        for layer in manifest["layers"]:
            layer["mediaType"] = DOCKER + "image.rootfs.diff.tar.gzip"
    image = i.image("a", platform="linux/amd64", change=docker)
    image["mediaType"] = DOCKER + "distribution.manifest.v2+json"
    kind = DOCKER + "distribution.manifest.list.v2+json"
    i.done(i.blob({"schemaVersion": 2, "mediaType": kind, "manifests": [image]}, kind))


@form("no media types", takes="a", skopeo="wants them")
def _(i):
    def bare(manifest):
        for part in (manifest, manifest["config"], *manifest["layers"]):
            part.pop("mediaType")
    image = i.image("a", change=bare)
    image.pop("mediaType")
    i.done(image)


@form("one image under many names", takes="a", skopeo="wants one image")
@form("one name of many", takes="a", tag="app:2")
@form("part of a name", takes="a", tag="2", skopeo="wants the whole name")
@form("a wrong name", refuses="no image of the name nope; there are: app:1, app:2", tag="nope")
def _(i):
    i.done(i.image("a", name="app:1"), i.image("a", name="app:2"))


@form("several images", refuses="choose one with --tag: app:1, app:2")
@form("one of several images", takes="b", tag="app:2")
def _(i):
    i.done(i.image("a", name="app:1"), i.image("b", name="app:2"))


@form("a name that is the end of another", takes="b", tag="app:1")
def _(i):
    i.done(i.image("a", name="example.org/app:1"), i.image("b", name="app:1"))


@form("images without names", refuses="choose one with --tag: sha256:")
def _(i):
    i.done(i.image("a"), i.image("b"))


@form("two names in one entry", takes="b", tag="1.2", skopeo="knows one of them")
def _(i):
    i.done(i.image("a", name="1.1"), i.image("b", descriptor={"annotations": {
        "io.containerd.image.name": "docker.io/library/app:1.2", REF: "1.2"}}))


@form("an artifact beside the image", takes="a", skopeo="wants one image")
def _(i):
    def chart(manifest):
        manifest["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json"
    i.done(i.image("c", change=chart), i.image("a"))


@form("only an artifact", refuses="its configuration is of the type application/vnd.cncf.helm")
def _(i):
    def chart(manifest):
        manifest["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json"
    i.done(i.image("c", change=chart))


@form("a signature as a manifest", refuses="layer 1 is of the type application/vnd.dev.cosign")
def _(i):
    def cosign(manifest):
        manifest["layers"][0]["mediaType"] = "application/vnd.dev.cosign.simplesigning.v1+json"
    i.done(i.image("c", change=cosign))


@form("descriptors without digest and name", tag="app:9",
      refuses="no image of the name app:9; there are: app:1")
def _(i):
    i.done(i.image("a", name="app:1"), {}, {"digest": ""}, {"annotations": {REF: ""}})


@form("many names", tag="app:x", refuses="name-16yyyyyyyyyyyyyyyy, ...")
def _(i):
    one = i.image("a")
    i.done(*({**one, "annotations": {REF: f"name-{n}" + "y" * n}} for n in range(200)))


@form("schema 1", refuses="a manifest of Docker before 1.10 (schema 1)")
def _(i):
    i.done(i.blob({"schemaVersion": 1, "fsLayers": []},
                  DOCKER + "distribution.manifest.v1+prettyjws"))


@form("no images", refuses="there is no image")
def _(i):
    i.done()


@form("sha512", takes="a", skopeo="old ones know sha256 only")
def _(i):
    i.done(i.image("a", blob={"kind": "sha512"}))


@form("sha384", takes="a", skopeo="knows sha256 only")
def _(i):
    i.done(i.image("a", blob={"kind": "sha384"}))


@form("wrong sha512", refuses="its contents have the hash")
def _(i):
    image = i.image("a", blob={"kind": "sha512"})
    i.write("blobs/" + image["digest"].replace(":", "/"), b"x" * image["size"])
    i.done(image)


@form("unknown hash", refuses='digest "blake3:00": not of sha256, sha384 or sha512')
def _(i):
    i.done({**i.image("a"), "digest": "blake3:00"})


@form("a digest that is a path", refuses="not 64 lower-case hexadecimal digits")
def _(i):
    i.done({**i.image("a"), "digest": "sha256:" + "../" * 21 + "x"})


@form("wrong size", refuses="unlike the size in its descriptor")
def _(i):
    image = i.image("a")
    i.done({**image, "size": image["size"] + 1})


@form("contents in descriptors", takes="a", skopeo="wants blobs")
def _(i):
    def inline(manifest):
        data = json.dumps(i.config("a", [tar([file("t/x", b"a")])])).encode()
        os.remove(f"{i.path}/blobs/sha256/{digest(data)[7:]}")
        manifest["config"] = i.blob(data, OCI + "config.v1+json", keep=False,
                                    data=base64.b64encode(data).decode())
    i.done(i.image("a", change=inline))


@form("wrong contents in a descriptor", refuses="its contents have the hash")
def _(i):
    def inline(manifest):
        manifest["config"] = {"digest": digest(b"other"),
                              "data": base64.b64encode(b"some").decode()}
    i.done(i.image("a", change=inline))


@form("a blob that is missing", refuses="layer 1: blobs/sha256/")
def _(i):
    def gone(manifest):
        manifest["layers"][0]["digest"] = digest(b"gone")
    i.done(i.image("a", change=gone))


@form("a foreign layer", refuses="layer 1 is not in the archive, but only at https://example.org")
def _(i):
    def foreign(manifest):
        manifest["layers"] = [{
            "mediaType": OCI + "layer.nondistributable.v1.tar+gzip", "digest": digest(b"gone"),
            "size": 9, "urls": ["https://example.org/l"]}]
    i.done(i.image("a", change=foreign))


@form("a foreign layer that is there", takes="a")
def _(i):
    def foreign(manifest):
        manifest["layers"][0].update(mediaType=OCI + "layer.nondistributable.v1.tar+gzip",
                                     urls=["https://example.org/l"])
    i.done(i.image("a", change=foreign))


@form("an encrypted layer", refuses='layer 1 is encrypted: decrypt the image first, with "skopeo')
def _(i):
    def encrypted(manifest):
        manifest["layers"][0]["mediaType"] += "+encrypted"
    i.done(i.image("a", change=encrypted))


@form("zstd:chunked", takes="a")
def _(i):
    def chunked(layer):
        half = len(layer) // 2
        return (zstd(layer[:half]) + b"\x50\x2a\x4d\x18\x04\0\0\0meta" + zstd(layer[half:]) +
                b"\x51\x2a\x4d\x18\x04\0\0\0more")

    def name(manifest):
        manifest["layers"][0].update(mediaType=OCI + "layer.v1.tar+zstd", annotations={
            "io.github.containers.zstd-chunked.manifest-checksum": digest(b"meta")})
    i.done(i.image("a", pack=chunked, change=name))


@form("layers that unpack to other contents", refuses="layer 1: it unpacks to contents with")
def _(i):
    i.done(i.image("a", config={"rootfs": {"type": "layers", "diff_ids": [digest(b"x")]}}))


@form("more layers than diff_ids", refuses="the image has 1 layers, but its configuration")
def _(i):
    i.done(i.image("a", config={"rootfs": {"type": "layers", "diff_ids": []}}))


@form("history without layers", takes="a")
def _(i):
    i.done(i.image("a", layers=[], config={"history": [{"empty_layer": True}]}))


@form("a layer twice", takes="a")
def _(i):
    layer = tar([file("t/x")])
    i.done(i.image("a", layers=[layer, layer]))


@form("links to blobs", takes="a")
def _(i):
    image = i.image("a")
    name = i.path + "/blobs/" + image["digest"].replace(":", "/")
    shutil.move(name, i.path + "/blobs/real")
    os.symlink("../real", name)
    i.done(image)


@form("one blob as another's contents", refuses="its contents have the hash")
def _(i):
    def swapped(manifest):
        first, second = (layer["digest"].replace(":", "/") for layer in manifest["layers"])
        os.remove(f"{i.path}/blobs/{second}")
        os.symlink("../" + first, f"{i.path}/blobs/{second}")
    layers = [tar([file("t/x")]), tar([file("t/y")])]
    i.done(i.image("a", layers=layers, change=swapped, pack=bytes))


@form("archive of a layout", takes="a")
def _(i):
    i.done(i.image("a", name="app:1"))
    return pack(i.path)


@form("archive without ./", takes="a")
def _(i):
    i.done(i.image("a", name="app:1"))
    return pack(i.path, "index.json", "oci-layout", "blobs")


for COMPRESS in (gzip.compress, lzma.compress, bz2.compress, zstd):
    @form("archive compressed by " + COMPRESS.__module__.replace("images", "zstd"), takes="a",
          skopeo="takes some of them")
    def _(i, compress=COMPRESS):
        i.done(i.image("a"))
        return pack(i.path, compress=compress)


@form("no archive", refuses="not a tar archive, neither plain nor compressed by gzip")
def _(i):
    with open(i.path + ".tar", "wb") as out:
        out.write(b"no archive" * 200)
    return i.path + ".tar"


@form("archive that ends early", refuses="runcated")
def _(i):
    i.done(i.image("a", layers=[tar([file("t/x", os.urandom(100000))])]))
    path = pack(i.path, compress=gzip.compress)
    os.truncate(path, os.path.getsize(path) // 2)
    return path


@form("directory of Docker", takes="a")
def _(i):
    i.done(i.image("a"))
    copy(i, "dir:" + i.path + ".dir")
    return i.path + ".dir"


@form("directory of Docker, several platforms", takes="a")
def _(i):
    i.done(i.index([i.image("b", platform="linux/arm64", arch="arm64"),
                    i.image("a", platform="linux/amd64")]))
    copy(i, "dir:" + i.path + ".dir", "--all")
    return i.path + ".dir"


@form("directory of Docker with a damaged layer", refuses="its contents have the hash")
def _(i):
    layer = tar([file("t/x", b"a")])
    i.done(i.image("a", layers=[layer], pack=bytes))
    copy(i, "dir:" + i.path + ".dir")
    name = f"{i.path}.dir/{digest(layer)[7:]}"
    with open(name, "r+b") as blob:
        blob.write(b"X")
    return i.path + ".dir"


@form("docker save", takes="a")
def _(i):
    i.done(i.image("a"))
    copy(i, "docker-archive:" + i.path + ".tar:app:1")
    return i.path + ".tar"


def docker(i, *images):
    """What docker save wrote before version 25. Images: (label, names, architecture)."""
    shutil.rmtree(i.path)
    entries = []
    for label, names, arch in images:
        layer = tar([file("t/x", label.encode())])
        config = json.dumps(i.config(label, [layer], arch)).encode()
        name = digest(config)[7:] + ".json"
        i.write(name, config)
        i.write(label + "/layer.tar", layer)
        entries.append({"Config": name, "RepoTags": names, "Layers": [label + "/layer.tar"]})
    i.write("manifest.json", entries)
    return pack(i.path, *os.listdir(i.path))


@form("docker save, two images", refuses="choose one with --tag: app:1, app:2")
@form("docker save, one of two images", takes="b", tag="app:2", skopeo="wants example.org/app:2")
@form("docker save, a wrong name", refuses="of the name app:3; there are: app:1, app:2", tag="app:3")
def _(i):
    return docker(i, ("a", ["app:1"], "amd64"), ("b", ["app:2"], "amd64"))


@form("docker save, no names", takes="a")
def _(i):
    return docker(i, ("a", None, "amd64"))


@form("docker save, empty names", refuses="of the name x; there are: app:1", tag="x")
def _(i):
    return docker(i, ("a", ["", "app:1", ""], "amd64"), ("b", [""], "amd64"))


@form("docker save, two machines", takes="b", skopeo="wants one image")
def _(i):
    return docker(i, ("a", ["app:1"], "arm64"), ("b", ["app:1"], "amd64"))


@form("docker save, another machine", refuses="for linux/arm64, the kernel for linux/amd64")
def _(i):
    return docker(i, ("a", ["app:1"], "arm64"))


@form("docker save, damaged layer", refuses="layer 1: it unpacks to contents with")
def _(i):
    docker(i, ("a", None, "amd64"))
    i.write("a/layer.tar", tar([file("t/x", b"b")]))
    return i.path


@form("docker save, layers are links", takes="a")
def _(i):
    docker(i, ("a", None, "amd64"))
    shutil.move(i.path + "/a", i.path + "/z")
    os.mkdir(i.path + "/a")
    os.symlink("../z/layer.tar", i.path + "/a/layer.tar")
    return pack(i.path, "manifest.json", "a", "z", *[
        name for name in os.listdir(i.path) if len(name) > 60])


@form("docker save since version 25", takes="a")
def _(i):
    layer = tar([file("t/x", b"a")])
    image = i.image("a", layers=[layer], pack=bytes)
    image["annotations"] = {"io.containerd.image.name": "docker.io/library/app:1", REF: "1"}
    i.done(image)
    config = digest(json.dumps(i.config("a", [layer])).encode())
    i.write("manifest.json", [{"Config": "blobs/sha256/" + config[7:], "RepoTags": ["app:1"],
                               "Layers": ["blobs/sha256/" + digest(layer)[7:]]}])
    return pack(i.path, *os.listdir(i.path))


@form("only index.json names images", takes="a")
def _(i):
    i.write("manifest.json", [])
    i.done(i.image("a"))


@form("docker save before 1.10", refuses="an archive of Docker before 1.10")
def _(i):
    shutil.rmtree(i.path)
    i.write("repositories", {"app": {"1": "a"}})
    i.write("a/layer.tar", tar([]))
    return pack(i.path)


def from_pipe():
    """docker save | ne-emu eif build --image -"""
    with tempfile.TemporaryDirectory(dir=".") as top:
        layout = Layout(top + "/i")
        layout.done(layout.image("a", layers=[tar([file("t/x", bytes(3 << 20))])]))
        with subprocess.Popen(["tar", "-C", layout.path, "-c", "."],
                              stdout=subprocess.PIPE) as writer:
            assert Built(ne_emu, init, "-", stdin=writer.stdout).label() == "a"


def forms_agree():
    """One image, copied by skopeo to each form, becomes the same files."""
    with tempfile.TemporaryDirectory(dir=".") as top:
        layout = Layout(top + "/i")
        layout.done(layout.image("a", layers=[tar([file("t/x", b"1")]), tar([file("t/y", b"2")])]))
        expected = Built(ne_emu, init, layout.path).ramdisks
        for target in ("oci-archive", "docker-archive", "dir"):
            path = f"{top}/{target}"
            copy(layout, f"{target}:{path}" + (":app:1" if target == "docker-archive" else ""))
            assert Built(ne_emu, init, path).ramdisks == expected, target


ne_emu, init = sys.argv[1:]
tmp = tempfile.TemporaryDirectory()
os.chdir(tmp.name)
cases += [("standard input", from_pipe), ("the same image in each form", forms_agree)]
sys.exit(run_cases(cases))
