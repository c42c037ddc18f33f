#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Find simple tables with text between two columns in all pages. reStructuredText tools do
not show such a table at all. The status is 1 if there is one.
"""

import glob
import re
import sys

BORDER = re.compile(r"\s*=+(?: +=+)+\s*$")


def faults(lines):
    """Numbers of lines with text in a gap of their table's border. A table has a border
    above it, and one below it that is followed by a blank line."""
    gaps = None
    for number, (line, below) in enumerate(zip(lines, lines[1:] + [""]), 1):
        if BORDER.match(line):
            begins = gaps is None
            gaps = [match.start() for match in re.finditer(r"(?<==) | (?==)", line)]
            if not begins and not below.strip():
                gaps = None
        elif gaps and any(line[at:at + 1].strip() for at in gaps):
            yield number


def main():
    pages = glob.glob("Documentation/**/*.rst", recursive=True)
    found = 0
    for page in pages:
        with open(page, encoding="utf-8") as file:
            for number in faults(file.read().splitlines()):
                found += 1
                print(f"{page}:{number}: text between two columns")
    return 1 if found or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
