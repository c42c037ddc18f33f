# SPDX-License-Identifier: Apache-2.0
"""Odd layers: the ramdisk that ne-emu makes of them holds what umoci unpacks.

usage: layers.py NE-EMU INIT

Of each image, the directory /t is compared: names, types, permissions, contents, targets of
links, hard links. umoci runs without privileges, so owners and device numbers are compared
with the table. Where umoci fails or does something else, the row says what and why.
"""

import gzip
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile

from images import Built, Failed, Layout, file, folder, hard, node, run, run_cases, soft, tar

V7, USTAR, GNU, PAX = "v7", tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT
FIFO, CHAR, BLOCK = tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE
LONG = "n" * 255
DEEP = "t/" + "/".join(["directory"] * 30)
OPAQUE = ".wh..wh..opq"

# Layers that are lists of entries: (name, layers, what the table itself expects).
TREES = [
    ("whiteout of a file", [[folder("t"), file("t/a"), file("t/b")], [file("t/.wh.a", b"")]], {}),
    ("whiteout of a directory", [[file("t/d/e/f"), file("t/x")], [file("t/.wh.d", b"")]], {}),
    ("whiteout of a symbolic link", [[file("t/x"), soft("t/l", "x")], [file("t/.wh.l", b"")]], {}),
    ("whiteout of a link to a directory",
     [[file("t/d/x"), soft("t/l", "d")], [file("t/.wh.l", b"")]], {}),
    ("whiteout below a link to a directory",
     [[file("t/d/x"), file("t/d/y"), soft("t/l", "d")], [file("t/l/.wh.x", b"")]], {}),
    ("whiteout of what is not there", [[file("t/x")], [file("t/.wh.y", b"")]], {}),
    ("whiteout of the own layer's file", [[file("t/x")], [file("t/y"), file("t/.wh.y", b"")]], {}),
    ("whiteout before the same name", [[file("t/d/x")], [file("t/.wh.d", b""), file("t/d/y")]], {}),
    ("whiteout after the same name", [[file("t/d/x")], [file("t/d/y"), file("t/.wh.d", b"")]], {}),
    ("whiteout and a name again", [[file("t/x", b"1")], [file("t/.wh.x", b"")],
                                   [file("t/x", b"3")]], {}),
    ("whiteout of everything", [[file("t/x"), file("t/y")], [file(".wh.t", b""), file("t/z")]], {}),
    ("opaque directory", [[file("t/d/x"), file("t/x")], [folder("t/d"), file("t/d/" + OPAQUE, b""),
                                                         file("t/d/y")]], {}),
    ("opaque after its files", [[file("t/d/x")], [folder("t/d"), file("t/d/y"),
                                                  file("t/d/" + OPAQUE, b"")]], {}),
    ("opaque above others", [[file("t/d/e/x"), file("t/d/f/y")],
                             [file("t/d/f/z"), file("t/d/" + OPAQUE, b"")]], {}),
    ("opaque in a new directory", [[file("t/x")], [folder("t/d"), file("t/d/" + OPAQUE, b""),
                                                   file("t/d/y")]], {}),
    ("hard link to a lower layer", [[file("t/a", b"1")], [hard("t/b", "t/a")]], {}),
    ("hard link, then its first name goes", [[file("t/a", b"1"), hard("t/b", "t/a")],
                                             [file("t/.wh.a", b"")]], {}),
    ("hard link, then one name changes", [[file("t/a", b"1"), hard("t/b", "t/a")],
                                          [file("t/a", b"2")]], {}),
    ("hard link to a symbolic link", [[file("t/x"), soft("t/l", "x"), hard("t/m", "t/l")]], {}),
    ("hard link with ./ and /", [[file("./t/x"), hard("./t/y", "./t/x"), hard("t/z", "/t/x")]], {}),
    ("file over directory", [[file("t/d/x")], [file("t/d")]], {}),
    ("directory over file", [[file("t/d")], [folder("t/d", 0o700), file("t/d/x")]], {}),
    ("link over directory", [[file("t/d/x"), file("t/e/y")], [soft("t/d", "e")]], {}),
    ("directory over link", [[file("t/e/y"), soft("t/d", "e")], [folder("t/d"), file("t/d/x")]],
     {}),
    ("file over link", [[file("t/x", b"1"), soft("t/l", "x")], [file("t/l", b"2")]], {}),
    ("FIFO over file", [[file("t/x")], [node("t/x", FIFO)]], {}),
    ("mode of a directory changes", [[folder("t/d", 0o755), file("t/d/x")],
                                     [folder("t/d", 0o1777)]], {}),
    ("names with ./, // and / at the end",
     [[folder("./t/"), folder("t//d//"), file("./t/./d/x"), file("/t/y")]], {}),
    ("names with ..", [[folder("t/d"), file("t/d/../x"), file("t/e/../../t/y")]], {}),
    ("parents are links", [[folder("t/d"), soft("t/rel", "d"), soft("t/abs", "/t/d"),
                            soft("t/up", "../../../t/d"), file("t/rel/1"), file("t/abs/2"),
                            file("t/up/3")]], {}),
    ("parents are missing", [[file("t/a/b/c/x")]], {}),
    ("names that are not UTF-8", [[file(b"t/caf\xe9"), folder(b"t/\xff\xfe"),
                                   file(b"t/\xff\xfe/x")]], {}),
    ("names of 255 bytes", [[folder("t/" + LONG), file(f"t/{LONG}/{LONG}")]], {}),
    ("many directories", [[file(DEEP + "/x"), soft(DEEP + "/l", DEEP)]], {}),
    ("FIFO and devices", [[folder("t"), node("t/p", FIFO), node("t/c", CHAR, 1, 3),
                           node("t/b", BLOCK, 259, 70000)]],
     {b"t/c": ("device", (1, 3)), b"t/b": ("device", (259, 70000))}),
    ("bits beside the permissions", [[folder("t", 0o2755), file("t/x", mode=0o4711),
                                      file("t/y", mode=0), folder("t/z", 0o1777)]], {}),
    ("owners", [[folder("t", uid=5, gid=6), file("t/x", uid=2097151, gid=1),
                 file("t/y", uid=2097152, gid=4294967294)], [folder("t", uid=7, gid=8)]],
     {b"t": ("owner", (7, 8)), b"t/x": ("owner", (2097151, 1)),
      b"t/y": ("owner", (2097152, 4294967294))}),
    ("the same name twice", [[file("t/x", b"1"), file("t/x", b"2")]], {}),
    ("empty file", [[file("t/x", b"")]], {}),
]


def sparse(form):
    """A layer of GNU tar with a sparse file of 3 MiB."""
    with tempfile.TemporaryDirectory() as top:
        os.mkdir(top + "/t")
        with open(top + "/t/x", "wb") as out:
            out.seek(1 << 20)
            out.write(b"middle")
            out.truncate(3 << 20)
        return run("tar", "-C", top, "--sparse", *form, "-c", "t")


def v7():
    """A header without magic."""
    data = bytearray(tar([file("t/x", b"old")], USTAR))
    data[257:512] = bytes(255)
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


def repeated():
    """A layer in two members of gzip, and its contents."""
    data = tar([file("t/x", bytes(5000)), file("t/y")])
    return gzip.compress(data[:3000]) + gzip.compress(data[3000:])


BASE = tar([file("t/x")])
# Layers in bytes: (name, layers, why umoci fails or differs).
FORMATS = [
    ("v7", [v7()], ""),
    ("ustar", [tar([file("t/" + "p" * 90 + "/" + "q" * 90)], USTAR)], ""),
    ("GNU", [tar([file("t/" + LONG), soft("t/l", "l" * 200)], GNU)], ""),
    ("pax", [tar([file("t/" + LONG), soft("t/l", "l" * 200)], PAX)], ""),
    ("pax with global headers", [tar([file("t/x")], PAX, pax_headers={"comment": "c"})],
     "takes a global header for an entry of an unknown type"),
    ("sparse, GNU", [sparse(["--format=gnu"])], "does not know this type of entry"),
    ("sparse, pax 0.0", [sparse(["--format=pax", "--sparse-version=0.0"])], ""),
    ("sparse, pax 0.1", [sparse(["--format=pax", "--sparse-version=0.1"])], ""),
    ("sparse, pax 1.0", [sparse(["--format=pax", "--sparse-version=1.0"])], ""),
    ("times before 1970 and after 2242",
     [tar([file("t/x", mtime=-86400), file("t/y", mtime=1 << 34)], PAX)], ""),
    ("time with a fraction", [tar([file("t/x", mtime=1.25)], PAX)], ""),
    ("empty archive: no bytes", [BASE, b""], ""),
    ("empty archive: one record", [BASE, bytes(10240)], ""),
    ("no mark of the end", [tar([file("t/x"), file("t/y")]).rstrip(b"\0") + bytes(511)], ""),
    ("data behind the mark of the end", [BASE + b"rest" * 300], ""),
]


def from_disk(top):
    """What umoci unpacked, in the form of Built.tree()."""
    first, found = {}, {}
    names = [os.path.join(top, b"t")]
    for base, folders, files in os.walk(names[0]):
        names += [os.path.join(base, name) for name in folders + files]
    for name in sorted(names):
        info = os.lstat(name)
        key = name[len(top) + 1:]
        kind, data, same = stat.S_IFMT(info.st_mode), b"", key
        if kind == stat.S_IFREG:
            with open(name, "rb") as source:
                data = source.read()
            same = first.setdefault(info.st_ino, key)
        elif kind == stat.S_IFLNK:
            data = os.readlink(name)
        found[key] = kind, stat.S_IMODE(info.st_mode), data, same
    return found


def unpack_peer(path):
    """Return: what umoci makes of the image."""
    shutil.rmtree("bundle", ignore_errors=True)
    run("umoci", "unpack", "--rootless", "--image", path + ":a", "bundle")
    return from_disk(b"bundle/rootfs")


def is_same(our, peer):
    """Without privileges, umoci makes an empty file in place of a device."""
    if our[0] in (stat.S_IFCHR, stat.S_IFBLK):
        return peer[0] == stat.S_IFREG and not peer[2]
    return our[:4] == peer


def compare(path, expected, excuse):
    our = Built(ne_emu, init, path).tree()
    try:
        peer = unpack_peer(path)
    except Failed as failure:
        assert excuse, failure
        peer = None
    if peer is not None:
        assert not excuse, "umoci does not fail: " + excuse
        assert our.keys() == peer.keys(), (sorted(our), sorted(peer))
        for name, value in our.items():
            assert is_same(value, peer[name]), (name, value, peer[name])
    for name, (what, value) in expected.items():
        assert our[name][4 if what == "owner" else 5] == value, our[name]
    assert our


def unpack(name, layers, expected=None, excuse="", pack=gzip.compress):
    def case():
        with tempfile.TemporaryDirectory(dir=".") as path:
            layout = Layout(path + "/i")
            layout.done(layout.image(layers=layers, name="a", pack=pack))
            compare(path + "/i", expected or {}, excuse)
    return name, case


# Layers that no engine takes: (name, entries, text of the error).
REFUSED = [
    ("a name above the root", [file("../t/x")], 'a path above the root'),
    ("an owner above 32 bits", [file("t/x", uid=1 << 32)], "belongs to user 4294967296"),
    ("the owner -1", [file("t/x", uid=4294967295)], "belongs to user 4294967295"),
    ("hard link to nothing", [hard("t/x", "t/y")], "hard link to t/y, which does not exist"),
]


def refuse(name, entries, text):
    def case():
        with tempfile.TemporaryDirectory(dir=".") as path:
            layout = Layout(path + "/i")
            layout.done(layout.image(layers=[tar(entries)]))
            try:
                Built(ne_emu, init, path + "/i")
            except Failed as failure:
                assert text in str(failure), failure
            else:
                raise AssertionError("it was taken")
    return name, case


def huge_in_layer():
    """The layer ends behind the header, so that the file's contents are never read."""
    info = tarfile.TarInfo("t/model.bin")
    info.size = 1 << 32
    with tempfile.TemporaryDirectory(dir=".") as path:
        layout = Layout(path + "/i")
        layout.done(layout.image(layers=[info.tobuf(tarfile.GNU_FORMAT)]))
        try:
            Built(ne_emu, init, path + "/i")
        except Failed as failure:
            assert "layer 1: t/model.bin: has 4294967296 bytes, but ramdisks" in str(failure)
        else:
            raise AssertionError("it was taken")


def huge():
    """A file that no ramdisk can hold is refused before its contents are read."""
    with tempfile.TemporaryDirectory(dir=".") as path:
        os.makedirs(path + "/root/t")
        with open(path + "/root/t/model.bin", "wb") as out:
            out.truncate(1 << 32)
        done = subprocess.run([ne_emu, "eif", "build", "--kernel", "kernel", "--init", init,
                               "--rootfs", path + "/root", "--exec", "/t", "-o", "huge.eif"],
                              stderr=subprocess.PIPE, check=False)
        assert done.returncode == 1
        text = done.stderr.decode()
        assert "t/model.bin" in text and "files below 4 GiB; split it" in text, text


ne_emu, init = sys.argv[1:]
tmp = tempfile.TemporaryDirectory()
os.chdir(tmp.name)
sys.exit(run_cases(
    [unpack(name, [tar(layer) for layer in layers], expected) for name, layers, expected in TREES] +
    [unpack("archive: " + name, layers, excuse=excuse) for name, layers, excuse in FORMATS] +
    [unpack("archive: two members of gzip", [gzip.decompress(repeated())],
            pack=lambda _: repeated())] +
    [refuse("refused: " + name, entries, text) for name, entries, text in REFUSED] +
    [("refused: a file of 4 GiB", huge), ("refused: a file of 4 GiB in a layer", huge_in_layer)]))
