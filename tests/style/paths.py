#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Find names of files and directories in all pages that do not exist in the source tree.
In the map of hacking.rst, the names in the last column are below the first. Runs in the
source tree; the status is 1 if one is missing.
"""

import glob
import os
import re
import sys

TOP = ("Documentation", "debian", "driver", "image", "include", "packaging", "scripts",
       "tests", "userspace")
NAME = re.compile(r"``([\w./-]+)``")
MAP_ROW = re.compile(r"``([\w/]+/)``.*?(``\w+\.\w+``(?:, ``\w+\.\w+``)*)$")


def names(line):
    """The paths in a line of a page."""
    for name in NAME.findall(line):
        if "/" in name and name.split("/")[0] in TOP:
            yield name
    if row := MAP_ROW.match(line):
        yield from (row[1] + name for name in NAME.findall(row[2]))


def main():
    pages = glob.glob("Documentation/*.rst")
    count = missing = 0
    for page in pages:
        with open(page, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                for name in names(line):
                    count += 1
                    if not os.path.exists(name):
                        missing += 1
                        print(f"{page}:{number}: there is no {name}")
    print(f"{count} paths, {missing} missing")
    return 1 if missing or not count else 0


if __name__ == "__main__":
    sys.exit(main())
