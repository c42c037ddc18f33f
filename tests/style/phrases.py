#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Find phrases of the list "phrases" in documents, comments and messages.

usage: phrases.py [FILE...]

Without arguments it reads all files of the source tree in which it runs. It reads all of a
document, the comments and strings of C, and the comments and quoted text of scripts, so that
names in code do not matter. Prints file, line, phrase and what to write instead; the status
is 1 if there is one.
"""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENTS = (".md", ".rst", ".scd", ".yaml", ".yml")
C = (".c", ".h")
CODE = C + (".sh", ".py", ".mk", ".in", ".service", ".rules", ".conf", ".spec", ".rs", ".go")
NAMES = ("Makefile", "Kbuild", "Kconfig", "control", "dkms.conf", "changelog")
# Third-party text, and lists of banned phrases.
NEVER = ("LICENSES/", "debian/changelog", "tests/style/phrases", "tests/style/test_phrases")

C_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"', re.S)
SCRIPT_TEXT = re.compile(r'(?:^|(?<=\s))#[^\n]*|"""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*"', re.M)
# The start of a line in a comment.
LEADER = re.compile(r"^\s*(?:/\*+|\*+(?=\s|$)|//+|#+|;)?\s*|\s*\*/\s*$")


def banned():
    """Pairs of an expression and what to write instead."""
    with open(os.path.join(HERE, "phrases"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                phrase, advice = line.rstrip("\n").split(" => ")
                yield re.compile(phrase, re.IGNORECASE), advice


def flat(text, first):
    """The text as one line, and the line number of each character."""
    words, numbers = [], []
    for number, line in enumerate(text.splitlines(), first):
        plain = " ".join(LEADER.sub("", line).split()) or "\n"
        words.append(plain + " ")
        numbers += [number] * (len(plain) + 1)
    return "".join(words), numbers


def passages(path, text):
    """Each passage of English in a file, with its first line number."""
    if path.endswith(DOCUMENTS):
        yield 1, text
        return
    pattern = C_TEXT if path.endswith(C) else SCRIPT_TEXT
    end, before = 0, ""
    # Consecutive comment lines are one passage.
    for match in pattern.finditer(text):
        between = text[end:match.start()]
        if before and (between.strip() or match[0][0] == '"'):
            yield start, before
            before = ""
        if not before:
            start = text.count("\n", 0, match.start()) + 1
            before = match[0]
        else:
            before += between + match[0]
        end = match.end()
    if before:
        yield start, before


def faults(path, phrases):
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    for first, passage in passages(path, text):
        line, numbers = flat(passage, first)
        for phrase, advice in phrases:
            for match in phrase.finditer(line):
                yield numbers[match.start()], match[0], advice


def tree():
    found = subprocess.run(
        ["find", ".", "-path", "./build", "-prune", "-o", "-path", "./.git", "-prune", "-o",
         "-type", "f", "-print"], capture_output=True, text=True, check=True).stdout
    for path in sorted(name[2:] for name in found.splitlines()):
        wanted = path.endswith(DOCUMENTS + CODE) or os.path.basename(path) in NAMES
        if wanted and not path.startswith(NEVER):
            yield path


def main(paths):
    phrases = list(banned())
    files = count = 0
    for path in paths or tree():
        files += 1
        for number, found, advice in faults(path, phrases):
            count += 1
            print(f'{path}:{number}: "{found}"; write {advice}')
    print(f"{files} files, {count} phrases to replace")
    return 1 if count or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
