#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Write an image with busybox to standard output, like "docker save NAME".

usage: container.py NAME
"""

import hashlib
import io
import json
import shutil
import sys
import tarfile


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def main(name):
    with open(shutil.which("busybox"), "rb") as file:
        busybox = file.read()
    # "--like nitro-cli" runs the arguments without the entry point.
    layer = archive({"bin/busybox": busybox, "bin/uname": busybox})
    config = {
        "architecture": "amd64", "os": "linux",
        "config": {"Entrypoint": ["/bin/busybox"], "Cmd": ["uname"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers",
                   "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["0/layer.tar"]}]
    sys.stdout.buffer.write(archive({
        "0/layer.tar": layer,
        "config.json": json.dumps(config).encode(),
        "manifest.json": json.dumps(manifest).encode(),
    }))


if __name__ == "__main__":
    main(sys.argv[1])
