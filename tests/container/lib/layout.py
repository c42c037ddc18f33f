#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Write a container image of one layer in OCI layout.

usage: layout.py DIRECTORY < DESCRIPTION

DESCRIPTION is a JSON object: "config" is that of the image ("Cmd", "Env" and so on), "files"
a list of objects with "path" and
    "text", "copy" (a file of this machine) or "link" (target of a symbolic link) for what it
        is; a directory if there is none of these,
    "mode" (octal text), "owner" (number, also of the group),
    "capability" (true: it has CAP_NET_BIND_SERVICE).
"""

import hashlib
import io
import json
import os
import sys
import tarfile

IMAGE = "application/vnd.oci.image."

# struct vfs_cap_data of version 2: permitted and effective, bit 10.
CAPABILITY = b"\1\0\0\2\0\4" + bytes(14)


def entry(file):
    info = tarfile.TarInfo(file["path"])
    data = file.get("text", "").encode()
    if "copy" in file:
        with open(file["copy"], "rb") as source:
            data = source.read()
    if "link" in file:
        info.type, info.linkname = tarfile.SYMTYPE, file["link"]
    elif "text" not in file and "copy" not in file:
        info.type = tarfile.DIRTYPE
    info.size = len(data)
    info.mode = int(file.get("mode", "755" if info.isdir() else "644"), 8)
    info.uid = info.gid = file.get("owner", 0)
    if file.get("capability"):
        info.pax_headers["SCHILY.xattr.security.capability"] = CAPABILITY.decode("latin-1")
    return info, data


def layer(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in map(entry, files):
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


class Layout:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder + "/blobs/sha256")

    def write(self, name, value):
        with open(f"{self.folder}/{name}", "w", encoding="utf-8") as file:
            json.dump(value, file)

    def add(self, media, data):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{self.folder}/blobs/sha256/{digest}", "wb") as file:
            file.write(data)
        return {"mediaType": IMAGE + media, "digest": "sha256:" + digest, "size": len(data)}

    def add_json(self, media, value):
        return self.add(media, json.dumps(value).encode())


def main(folder):
    description = json.load(sys.stdin)
    layout = Layout(folder)
    layer_blob = layout.add("layer.v1.tar", layer(description["files"]))
    config = layout.add_json("config.v1+json", {
        "architecture": "amd64", "os": "linux", "config": description["config"],
        "rootfs": {"type": "layers", "diff_ids": [layer_blob["digest"]]},
    })
    manifest = layout.add_json("manifest.v1+json", {
        "schemaVersion": 2, "mediaType": IMAGE + "manifest.v1+json",
        "config": config, "layers": [layer_blob],
    })
    layout.write("oci-layout", {"imageLayoutVersion": "1.0.0"})
    layout.write("index.json", {"schemaVersion": 2, "manifests": [manifest]})


if __name__ == "__main__":
    main(sys.argv[1])
