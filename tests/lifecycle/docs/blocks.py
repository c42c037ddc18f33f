#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Write each block of commands of a page to a file DIRECTORY/NN, and the heading above it to
DIRECTORY/NN.title.

usage: blocks.py PAGE DIRECTORY

Blocks are indented paragraphs in Markdown (text between fences is not a block),
".. code:: sh" in reStructuredText, and the "run" of each step in a workflow.
"""

import os
import re
import sys
import textwrap


def indented(lines):
    """The lines from here on that are blank or deeper than their surroundings."""
    block = []
    for line in lines:
        if line.strip() and not line.startswith("    "):
            break
        block.append(line)
    return textwrap.dedent("\n".join(block)).strip("\n")


def markdown(lines):
    title, before, fenced = "", "", False
    for at, line in enumerate(lines):
        fenced ^= line.startswith("```")
        if fenced:
            continue
        if line.startswith("#"):
            title = line.strip("# ")
        if line.startswith("    ") and not before.strip():
            yield title, indented(lines[at:])
        # A block continues after blank lines.
        if line.strip() or not before.startswith("    "):
            before = line


def restructured(lines):
    title = ""
    for at, line in enumerate(lines):
        if re.fullmatch(r"([=-])\1+", line) and lines[at - 1]:
            title = lines[at - 1]
        if line == ".. code:: sh":
            yield title, indented(lines[at + 1:])


def workflow(lines):
    title = ""
    for at, line in enumerate(lines):
        if match := re.match(r"\s*- name: (.*)", line):
            title = match[1]
        if match := re.match(r"(\s*)run: (.*)", line):
            depth = len(match[1])
            below = [text[depth - 2:] if text.strip() else "" for text in lines[at + 1:]]
            yield title, indented(below) if match[2] == "|" else match[2]


def main(page, directory):
    kinds = {".md": markdown, ".rst": restructured, ".yml": workflow}
    with open(page, encoding="utf-8") as file:
        lines = file.read().splitlines()
    count = 0
    for title, block in kinds[os.path.splitext(page)[1]](lines):
        count += 1
        for name, text in (f"{count:02}", block), (f"{count:02}.title", title):
            with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                file.write(text + "\n")
    sys.exit(not count)


if __name__ == "__main__":
    main(*sys.argv[1:])
