#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares --help of all programs and commands with manuals and completions.

usage: options.py FOLDER_OF_PROGRAMS

Every command and long option that one of them has, the others have to have, too.
Prints what is missing where; the status is 1 then. Runs in the source tree.
"""

import re
import subprocess
import sys

PROGRAMS = ("ne-emu", "ne-emu-ca", "ne-emud")
BASH = "packaging/bash-completion/ne-emu"
ZSH = "packaging/zsh/_ne-emu"
# Manuals that do not divide their options by command.
MANUALS = {"ne-emu-ca": "ne-emu-ca.8", "ne-emud": "ne-emud.8"}
# In zsh's file, what a function completes.
ZSH_FUNCTIONS = {
    "_ne_emu_main": "ne-emu", "_ne_emu_eif": "ne-emu eif",
    "_ne_emu_attest": "ne-emu attest", "_ne_emu_lab": "ne-emu lab",
    "_ne_emu_ca": "ne-emu-ca", "_ne_emud": "ne-emud",
}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Help:
    """What the programs say: options and commands by the words that lead to them."""

    def __init__(self, folder):
        self.options = {}
        self.commands = {}
        for program in PROGRAMS:
            self.read(folder, [program])

    def read(self, folder, words):
        text = run(f"{folder}/{words[0]}", *words[1:], "--help")
        path = " ".join(words)
        if "\nCommands:\n" not in text:
            self.options[path] = set(re.findall(r"^ +(?:-\w, )?--([a-z-]+)", text, re.M))
            return
        below = text.split("\nCommands:\n")[1]
        self.commands[path] = re.findall(r"^  (\w+)", below, re.M)
        for command in self.commands[path]:
            self.read(folder, words + [command])


def paths_of(title, eif):
    """The commands that a section is about, from "ne-emu lab set, show, reset"."""
    if eif:
        return {f"ne-emu eif {title.lower()}"}
    first, *others = title.split(", ")
    return {first} | {" ".join(first.split()[:-1] + [other]) for other in others}


def manual_options(path):
    """What the manuals say about a program, or in the synopsis and the section of a
    command."""
    eif = path.startswith("ne-emu eif ")
    page = MANUALS.get(path, "ne-emu-eif.1" if eif else "ne-emu.1")
    with open(f"Documentation/man/{page}.scd", encoding="utf-8") as file:
        text = file.read()
    if path not in MANUALS:
        synopsis = text.split("# SYNOPSIS\n")[1].split("\n# ")[0]
        found = [line for line in synopsis.splitlines() if re.match(rf"\*{path}\*", line)]
        found += [body for title, body
                  in re.findall(r"^##? ([^\n]+)\n(.*?)(?=^##? |\Z)", text, re.M | re.S)
                  if path in paths_of(title, eif)]
        text = "\n".join(found)
    return set(re.findall(r"\*--([a-z-]+)\*", text))


def bash_words(words):
    """What bash offers for the last of these words."""
    script = f"""
        compopt() {{ :; }}
        ne-emu() {{ :; }}
        . {BASH}
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        function=$(complete -p "$1")
        function=${{function##*-F }}
        "${{function%% *}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return run("bash", "-c", script, "bash", *words).split()


def bash_options(path):
    return {word[2:] for word in bash_words(path.split() + ["--"]) if word.startswith("--")}


class Zsh:
    """Commands and options by the words that lead to them, from the file's text."""

    def __init__(self):
        self.options = {}
        self.commands = {}
        function, words = "", [""]
        with open(ZSH, encoding="utf-8") as file:
            for line in file:
                if match := re.match(r"([\w-]+)\(\) \{", line):
                    function = ZSH_FUNCTIONS.get(match[1])
                    words = [""]
                elif line.startswith("}"):
                    function = None
                elif function is not None and (match := re.match(r"\t([\w |-]+)\)$", line)):
                    words = match[1].split(" | ")
                elif function is not None:
                    self.read_line(function, words, line)

    def read_line(self, function, words, line):
        if match := re.match(r"\t\t'(\w+):", line):
            self.commands.setdefault(function, []).append(match[1])
        # An option's explanation follows it; in parentheses are those it excludes.
        plain = re.sub(r"(['\"])\*?\([^)]*\)", r"\1", line)
        for option in re.findall(r"--([a-z-]+)(?=[\[}])", plain):
            for word in words:
                path = f"{function} {word}".strip()
                self.options.setdefault(path, set()).add(option)


def compare(where, path, kind, expected, found):
    missing, extra = set(expected) - set(found), set(found) - set(expected)
    for word in sorted(missing):
        print(f"{where}: {path} has the {kind} {word}, which is not there")
    for word in sorted(extra):
        print(f"{where}: {path} has no {kind} {word}")
    return len(missing) + len(extra)


def main(folder):
    says, zsh, faults, count = Help(folder), Zsh(), 0, 0
    manuals = {}
    for path, options in says.options.items():
        count += len(options)
        faults += compare(BASH, path, "option", options, bash_options(path))
        faults += compare(ZSH, path, "option", options, zsh.options.get(path, ()))
        page = path if path.split()[0] == "ne-emu" else path.split()[0]
        manuals.setdefault(page, set()).update(options)
    for path, options in manuals.items():
        # That all commands have --help is said once.
        faults += compare("manual", path, "option", options - {"help"},
                          manual_options(path) - {"help"})
    for path, commands in says.commands.items():
        count += len(commands)
        offered = {word for word in bash_words(path.split() + [""]) if word.isalpha()}
        faults += compare(BASH, path, "command", commands, offered - {"help"})
        faults += compare(ZSH, path, "command", commands,
                          set(zsh.commands.get(path, ())) - {"help"})
    print(f"{count} options and commands, {faults} differences")
    return 1 if faults or count < 100 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
