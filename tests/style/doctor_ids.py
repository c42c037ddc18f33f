#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compare the ids of "ne-emu doctor" with the headings of its chapter in troubleshooting.rst.

Runs in the source tree. Each call that reports a problem has its id as a literal. The
chapter has one section for each id, with its status (error, warning, or both). Prints what
differs, with status 1.
"""

import glob
import re
import sys

PAGE = "Documentation/troubleshooting.rst"
CHAPTER = "ne-emu doctor"
CALL = re.compile(r'\bdoctor_(warning|error)\(doctor,\s*("[a-z0-9-]+")?')
KINDS = ("error", "warning")


def reported():
    """The kinds of each id, and calls without a literal id."""
    ids, bad = {}, []
    for path in sorted(glob.glob("userspace/cli/doctor/*.c")):
        with open(path, encoding="utf-8") as file:
            for kind, literal in CALL.findall(file.read()):
                if literal:
                    ids.setdefault(literal.strip('"'), set()).add(kind)
                else:
                    bad.append(path)
    return ids, bad


def documented():
    """The kinds of each id, by the first words of its section's text."""
    ids, chapter, current = {}, None, None
    with open(PAGE, encoding="utf-8") as file:
        lines = file.read().splitlines()
    for line, below in zip(lines, lines[1:] + [""]):
        if line and below and set(below) == {"="}:
            chapter = line
        elif chapter == CHAPTER and line and below and set(below) == {"-"}:
            current = line
            ids[current] = set()
        elif chapter == CHAPTER and current and line.startswith("*"):
            words = line[1:line.index(".*")].lower()
            ids[current].update(kind for kind in KINDS if kind in words)
    return ids


def main():
    ids, bad = reported()
    pages = documented()
    faults = [f"{path}: an id that is not a literal" for path in bad]
    for name in sorted(ids.keys() | pages.keys()):
        if name not in pages:
            faults.append(f"{PAGE}: no section {name}")
        elif name not in ids:
            faults.append(f"{PAGE}: doctor does not report {name}")
        elif ids[name] != pages[name]:
            faults.append(f"{PAGE}: {name} is {' or '.join(sorted(ids[name]))}")
    print("\n".join(faults + [f"{len(ids)} ids, {len(faults)} faults"]))
    return 1 if faults or len(ids) < 30 else 0


if __name__ == "__main__":
    sys.exit(main())
