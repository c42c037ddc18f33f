#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Find the messages that troubleshooting.rst quotes in the programs that print them.

Runs in the build root, in the source tree. A message is a line of a literal block. It must
consist of whole strings of our sources, of QEMU's program and of the C library's texts for
errors, where a format may stand for another string, a number, or "..." in the page. In the
chapter about nitro-cli it must be one of NITRO_CLI. Prints the messages that no program
prints, with status 1.
"""

import glob
import itertools
import os
import re
import signal
import subprocess
import sys

PAGE = "Documentation/troubleshooting.rst"
QEMU = "/usr/bin/qemu-system-x86_64"

# From nitro-cli 1.5.0, get_detailed_info() in src/common/document_errors.rs: the names of
# errors and the beginnings of their sentences.
NITRO_CLI = {
    "[ E19 ] File operation failure.",
    "[ E21 ] No such CPU available in the pool.",
    "[ E22 ] Insufficient CPUs available in the pool.",
    "[ E26 ] Insufficient memory requested.",
    "[ E27 ] Insufficient memory available.",
    "[ E29 ] Ioctl failure.",
    "[ E36 ] Enclave boot failure.",
    "[ E39 ] Enclave process connection failure.",
    "[ E44 ] Enclave console connection failure.",
}

LITERAL = r'"((?:[^"\\\n]|\\.)*)"'
CONVERSION = r"%(?:[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z)?[a-zA-Z]|$)"
# Shorter words prove nothing, except with blanks or punctuation.
WORD_MIN = 8
# Text that formats produce and that is not in a string: the group of the device.
NAMES = {"ne"}


def our_strings():
    """String literals, with adjacent ones joined."""
    for path in glob.glob("driver/*/*.[ch]") + glob.glob("userspace/**/*.[ch]", recursive=True):
        with open(path, encoding="utf-8") as file:
            for group in re.finditer(rf"(?:{LITERAL}\s*)+", file.read()):
                text = "".join(re.findall(LITERAL, group[0]))
                yield re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)


def other_strings():
    yield from subprocess.run(["strings", "-n", "6", QEMU], capture_output=True, text=True,
                              check=True).stdout.splitlines()
    yield from (os.strerror(number) for number in range(1, 300))
    yield from (signal.strsignal(number) for number in range(1, 32))


def fragments():
    """The text between the conversions of all strings, by first letter."""
    found = set(NAMES)
    for text in itertools.chain(our_strings(), other_strings()):
        found.update(piece.strip("\n") for piece in re.split(CONVERSION, text))
    by_letter = {}
    for piece in found:
        if len(piece) >= WORD_MIN or piece in NAMES or re.search(r"\W", piece):
            by_letter.setdefault(piece[:1], []).append(piece)
    return by_letter


def is_printed(message, by_letter):
    reached = {0}
    for at, letter in enumerate(message):
        if at not in reached:
            continue
        if match := re.compile(r"\.\.\.|\d+").match(message, at):
            reached.add(match.end())
        reached.update(at + len(piece) for piece in by_letter.get(letter, ())
                       if message.startswith(piece, at))
    return len(message) in reached


def messages():
    """Chapter and line for each line of each literal block."""
    with open(PAGE, encoding="utf-8") as file:
        lines = file.read().splitlines()
    chapter, literal = None, False
    for line, below in zip(lines, lines[1:] + [""]):
        if below and set(below) == {"="} and line:
            chapter = line
        if line.strip():
            literal = line == "::" or literal and line.startswith(" ")
            if literal and line != "::":
                yield chapter, line.strip()


def main():
    by_letter = fragments()
    count = faults = 0
    for chapter, message in messages():
        count += 1
        if message in NITRO_CLI if chapter == "nitro-cli" else is_printed(message, by_letter):
            continue
        faults += 1
        print(f'{PAGE}: nobody prints "{message}"')
    print(f"{count} messages, {faults} that no program prints")
    return 1 if faults or count < 30 else 0


if __name__ == "__main__":
    sys.exit(main())
