#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Print how each source file is compiled, in the format of compile_commands.json.

usage: compile-commands.py USERSPACE_OUTPUT [MODULES_OUTPUT KERNEL_BUILD]

The commands of userspace are those that make would run; those of the modules are in the
.cmd files that kbuild leaves beside each object. kbuild compiles by way of links, see the
top Makefile: here the files are named where they really are.
"""

import json
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent


def userspace(output):
    make = ["make", "-C", "userspace", "--no-print-directory", "-B", "-n", f"O={output}"]
    lines = subprocess.run(make, cwd=TOP, check=True, text=True, stdout=subprocess.PIPE).stdout
    for line in lines.splitlines():
        words = line.split()
        if words and words[-1].endswith(".c") and ("-c" in words or "-static" in words):
            yield {"directory": str(TOP / "userspace"), "file": words[-1], "command": line}


def modules(output, kernel):
    for path in sorted(pathlib.Path(output).rglob(".*.o.cmd")):
        text = path.read_text(encoding="utf-8")
        command = re.search(r"^savedcmd_\S+ := *(.*?)(?: ; .*)?$", text, re.M)
        source = re.search(r"^source_\S+ := (\S+)", text, re.M)
        if not command or not source:
            continue
        # Before Linux 6.13 kbuild ran in the kernel's directory, with paths from there.
        directory = kernel if source[1].startswith("/") else output
        file = pathlib.Path(directory, source[1]).resolve()
        # Files that kbuild generates are not in the tree.
        if file.is_relative_to(TOP / "driver"):
            yield {"directory": directory, "file": str(file),
                   "command": command[1].replace(source[1], str(file))}


def main():
    entries = list(userspace(sys.argv[1]))
    if len(sys.argv) > 2:
        entries += modules(*sys.argv[2:])
    json.dump(entries, sys.stdout, indent=1)
    print()


main()
