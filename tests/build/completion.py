#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Test the completion that programs generate for bash, zsh and fish.

usage: completion.py PROGRAMS_DIR

Each shell reads the files that the programs print for it and completes command lines. It
must offer exactly the options and commands of --help, and the values in CASES. Manuals must
list the options of every command. Prints what is wrong, with status 1. Runs in the source
tree.
"""

import glob
import os
import re
import subprocess
import sys
import tempfile

PROGRAMS = ("ne-emu", "ne-emu-ca", "ne-emud")
FORMATS = "pem der fingerprint rust go c"
COMMANDS = ("run images ps inspect stats stop wait rm console logs events exec cp port-forward pcap "
            "gdb pause resume dump trace timeline eif attest lab doctor setup version help")
KEPT = "web enc0000000000000001 enc0000000000000003"
IDS = "web 16 enc0000000000000001 enc0000000000000002"

# Command lines whose last word is completed, and the expected completions. There are the
# files image.eif and text, and the directory sub.
CASES = {
    "ne-emu ": COMMANDS,
    "ne-emu st": "stats stop",
    "ne-emu help ": COMMANDS.removesuffix(" help"),
    "ne-emu eif ": "build describe diff extract pcr sign verify help",
    "ne-emu eif help ": "build describe diff extract pcr sign verify",
    "ne-emu attest ": "verify show root help",
    "ne-emu lab ": "set show reset help",
    "ne-emu-ca ": "create rotate forget export list help",
    "ne-emu-ca help ": "create rotate forget export list",
    "ne-emu run ": "image.eif text sub",
    "ne-emu run --debug ": "image.eif text sub",
    "ne-emu run --cpus ": "",
    "ne-emu run --memory ": "",
    "ne-emu eif describe ": "image.eif sub",
    "ne-emu eif diff image.eif ": "image.eif sub",
    "ne-emu eif extract ": "image.eif sub",
    "ne-emu eif build --kernel ": "image.eif text sub",
    "ne-emu eif build --rootfs ": "sub",
    "ne-emu eif build --arch ": "x86_64 aarch64",
    "ne-emu eif build -o ": "image.eif text sub",
    "ne-emu eif build --name ": "",
    "ne-emu eif sign --private-key t": "text",
    "ne-emu attest verify ": "image.eif text sub",
    "ne-emu attest verify --root ": "image.eif text sub",
    "ne-emu attest verify --nonce ": "",
    "ne-emu attest root --format ": FORMATS,
    "ne-emu attest root --format f": "fingerprint",
    "ne-emu stop ": IDS,
    "ne-emu console ": IDS,
    "ne-emu pcap ": IDS,
    "ne-emu gdb ": IDS + " image.eif text sub",
    "ne-emu gdb --gdb ": "image.eif text sub",
    "ne-emu pcap -w ": "image.eif text sub",
    "ne-emu pcap --write s": "sub",
    "ne-emu pause ": IDS,
    "ne-emu resume ": IDS,
    "ne-emu dump ": IDS,
    "ne-emu dump -o ": "image.eif text sub",
    "ne-emu run --dump-on-crash ": "image.eif text sub",
    "ne-emu logs ": KEPT,
    "ne-emu wait ": KEPT,
    "ne-emu inspect ": KEPT,
    "ne-emu rm ": KEPT,
    "ne-emu trace ": IDS,
    "ne-emu trace --filter h": "heartbeat",
    "ne-emu trace -o ": "image.eif text sub",
    "ne-emu timeline ": KEPT,
    "ne-emu timeline --svg ": "image.eif text sub",
    "ne-emu timeline --compare ": "",
    "ne-emu ps --format ": "",
    "ne-emu lab set ": IDS + " project= region= instance-id= role-arn= leaf-life= clock= "
                       "flaws= map= limits= debug-pcrs= look-inside= "
                       "nsm-error= nsm-latency= nsm-hang= nsm-entropy= heartbeat= "
                       "heartbeat-delay= vsock-refuse= vsock-reset= vsock-delay= vsock-rate= "
                       "crash= stall= start-error= image-flip= clock-skew= "
                       "fault-seed=",
    "ne-emu lab set reg": "region=",
    "ne-emu lab show ": IDS,
    "ne-emu lab reset --user roo": "root",
    "ne-emu-ca export --format ": FORMATS,
    "ne-emu-ca export --state ": "sub",
    "ne-emu-ca export --project ": "",
    "ne-emud --vmm ": "image.eif text sub",
    "ne-emud --log-dir ": "sub",
    "ne-emud --vmm-user roo": "root",
    "ne-emud --log-level ": "error warning info debug",
    "ne-emud --instance-id ": "",
}

# Stands in for ne-emu when a completion calls it.
STAND_IN = """#!/bin/sh
case "$*" in
"ps --format {name}"*) printf '%b\\n' 'web\\n16\\nenc0000000000000001\\n\\n\\nenc0000000000000002' ;;
"ps -a --format {name}"*) printf '%b\\n' 'web\\nenc0000000000000001\\n\\nenc0000000000000003' ;;
esac
"""

BASH = """
compopt() { :; }
. "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
function=$(complete -p "$1")
function=${function##*-F }
"${function%% *}"
[ ${#COMPREPLY[@]} = 0 ] || printf '%s\\n' "${COMPREPLY[@]}"
"""

# A shell on its own terminal, whose compadd prints its arguments.
ZSH = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT= RPROMPT=; fpath=($1 \$fpath)
autoload -U compinit && compinit -u -D
compadd() {
	local -a found
	[[ \$@[1,(i)(-|--)] != *-(O|A|D)\ * ]] || { builtin compadd \"\$@\"; return }
	builtin compadd -O found \"\$@\"
	builtin print -l -- \"<\"\$^found\">\"
	builtin compadd \"\$@\"
}
bindkey '^I' complete-word
end-line() { builtin print '<end>'; BUFFER= }
zle -N end-line
bindkey '^X' end-line
print rea''dy"
zpty -r shell text '*ready*'
for line in "${@:2}"; do
	zpty -n -w shell "$line"$'\t\C-X'
	zpty -r shell text '*<end>*'
	print -r -- "$text"
done
zpty -d shell
"""

# Prints a line after the completions of each command line.
FISH = """
for file in $argv[1..3]; source $file; end
for line in $argv[4..]; complete -C $line; echo '<end>'; end
"""


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60,
                          **options).stdout


class Shells:
    def __init__(self, programs, folder):
        self.folder = folder
        self.work = f"{folder}/work"
        os.makedirs(f"{self.work}/sub")
        for name in ("image.eif", "text"):
            with open(f"{self.work}/{name}", "w", encoding="utf-8"):
                pass
        os.mkdir(f"{folder}/bin")
        with open(f"{folder}/bin/ne-emu", "w", encoding="utf-8") as file:
            file.write(STAND_IN)
        os.chmod(f"{folder}/bin/ne-emu", 0o755)
        for name in PROGRAMS[1:]:
            os.symlink("/bin/true", f"{folder}/bin/{name}")
        self.environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}",
                            "HOME": self.folder}
        for shell in ("bash", "zsh", "fish"):
            os.mkdir(f"{folder}/{shell}")
            for program in PROGRAMS:
                text = run(f"{programs}/{program}", "--completion", shell)
                with open(self.file(shell, program), "w", encoding="utf-8") as file:
                    file.write(text)
                run(shell, "-n", self.file(shell, program))
        run("shellcheck", "--shell", "bash", *(self.file("bash", name) for name in PROGRAMS))

    def file(self, shell, program):
        name = {"bash": program, "zsh": f"_{program}", "fish": f"{program}.fish"}[shell]
        return f"{self.folder}/{shell}/{name}"

    def run(self, *command):
        return run(*command, cwd=self.work, env=self.environment)

    def bash(self, lines):
        for words in (line.split(" ") for line in lines):
            yield self.run("bash", "-c", BASH, "bash", self.file("bash", words[0]),
                           *words).split()

    def zsh(self, lines):
        found = self.run("zsh", "-f", "-c", ZSH, "zsh", f"{self.folder}/zsh", *lines)
        for part in found.split("<end>")[:-1]:
            yield re.findall(r"<([^<>\r\n]*)>", part)

    def fish(self, lines):
        files = [self.file("fish", program) for program in PROGRAMS]
        found = self.run("fish", "--no-config", "-c", FISH, *files, *lines)
        for part in found.split("<end>\n")[:-1]:
            yield [row.split("\t")[0] for row in part.splitlines()]

    def complete(self, lines):
        """The completions of each shell for each line, without the slash after directories."""
        for shell in (self.bash, self.zsh, self.fish):
            for line, words in zip(lines, shell(lines), strict=True):
                yield shell.__name__, line, {word.rstrip("/") for word in words}


def helps(programs, words):
    """The options of all commands below these words, by command line."""
    text = run(f"{programs}/{words[0]}", *words[1:], "--help")
    if "\nCommands:\n" not in text:
        yield " ".join(words), set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", text, re.M))
        return
    for command in re.findall(r"^  ([\w-]+)", text.split("\nCommands:\n")[1], re.M):
        yield from helps(programs, words + [command])


def without_manual(paths):
    """Commands whose options are not in a manual by a line such as "@ne-emu options run"."""
    listed = set()
    for page in glob.glob("Documentation/man/*.scd"):
        with open(page, encoding="utf-8") as file:
            listed.update(re.findall(r"^@(\S+) options\b(.*)$", file.read(), re.M))
    listed = {program + words for program, words in listed}
    return [path for path in paths
            if path not in listed and path.rpartition(" ")[0] not in listed]


def main(programs):
    faults = count = 0
    with tempfile.TemporaryDirectory() as folder:
        shells = Shells(programs, folder)
        cases = {line: set(words.split()) for line, words in CASES.items()}
        options = {path: names for program in PROGRAMS
                   for path, names in helps(programs, [program])}
        cases.update((f"{path} --", names) for path, names in options.items())
        for path in without_manual(path for path, names in options.items() if len(names) > 1):
            faults += 1
            print(f"{path}: its options are not in a manual")
        for shell, line, offered in shells.complete(list(cases)):
            expected = cases[line]
            count += 1
            if offered != expected:
                faults += 1
                print(f"{shell}: \"{line}\": missing {sorted(expected - offered)}, "
                      f"too many {sorted(offered - expected)}")
    print(f"{count} completions, {faults} faults")
    return 1 if faults or count < 200 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
