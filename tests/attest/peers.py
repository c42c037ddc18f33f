#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gives each document to each verifier, and compares what they say with what they
should: TAP.

usage: peers.py DOCUMENTS NE_EMU GO EC2

DOCUMENTS is a folder that make-documents filled; NE_EMU the program; the others are the
folders that peer.sh prints, "-" for one that could not be made.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

# What the verifier does not look at, by its own source: hf/nitrite keeps AWS's limits
# and finds a path through the bundle in any order.
GO_ACCEPTS = {
    "plain", "definite", "debug", "pcr16", "all", "flaw-tagged", "flaw-oversized",
    "flaw-key-order", "flaw-duplicate", "flaw-trailing", "flaw-stale", "flaw-future",
    "flaw-pcrs-zero", "flaw-pcr0", "flaw-nonce", "flaw-no-public-key", "flaw-no-user-data", "flaw-no-nonce",
    "cert-leaf-key-usage", "cert-bundle-reversed", "cert-bundle-no-root",
}
# Ours sees these in strict mode only, or when it is told what to expect.
OURS_ACCEPTS = {"plain", "definite", "full", "empty", "pcr16", "all", "flaw-nonce"}
OURS_ACCEPTS_LENIENT = OURS_ACCEPTS | {
    "flaw-tagged", "flaw-oversized", "flaw-key-order", "flaw-no-public-key",
    "flaw-no-user-data", "flaw-no-nonce",
}
# Longer or emptier than AWS's text allows.
OURS_ACCEPTS -= {"full", "empty"}
PCR0 = "0=" + 48 * "a0"


class Tap:
    """Results, one line each."""

    def __init__(self):
        self.number = 0
        self.failed = False

    def result(self, verifier, document, accepts, reason, expected):
        """@accepts is what happened, @expected what should have."""
        self.number += 1
        passed = accepts == expected
        self.failed |= not passed
        print(f"{'ok' if passed else 'not ok'} {self.number} - {verifier}: {document} "
              f"is {'accepted' if accepts else 'rejected'}"
              f"{'' if accepts or not reason else ': ' + reason}")

    def skip(self, verifier):
        """A verifier that could not be made."""
        self.number += 1
        print(f"ok {self.number} - {verifier} # SKIP its registry cannot be reached")


def ask_peer(program, root, documents):
    """{name: (accepts, reason)} for [(name, milliseconds, path)]."""
    with tempfile.NamedTemporaryFile("w") as listing:
        listing.write("".join(f"{name} {ms} {path}\n" for name, ms, path in documents))
        listing.flush()
        output = subprocess.run([program, root, listing.name], check=True, text=True,
                                stdout=subprocess.PIPE).stdout
    answers = {}
    for line in output.splitlines():
        name, verdict, *reason = line.split(" ", 2)
        answers[name] = (verdict == "accept", reason[0] if reason else "")
    assert set(answers) == {name for name, _, _ in documents}
    return answers


def ask_ours(program, root, path, *options):
    """(accepts, names of failed checks)"""
    run = subprocess.run([program, "attest", "verify", "--root", root, *options, path],
                         check=False, text=True, stdout=subprocess.PIPE)
    assert run.returncode in (0, 3), run
    failed = [line.split()[1] for line in run.stdout.splitlines()
              if line.startswith("FAIL")]
    assert bool(failed) == (run.returncode == 3)
    return run.returncode == 0, " ".join(failed)


def check_documents(tap, folder, ours, peers):
    """Ours, good ones and each with a fault, under our root."""
    root = folder / "root.der"
    now = int(time.time())
    documents = [(path.stem, now * 1000, path) for path in sorted(folder.glob("*.cose"))]
    assert len(documents) > 40

    for name, _, path in documents:
        options = ["--time", str(now), "--pcr", PCR0] if name != "debug" else \
                  ["--time", str(now), "--allow-debug"]
        accepts, failed = ask_ours(ours, root, path, *options)
        tap.result("ne-emu", name, accepts, failed,
                   name in OURS_ACCEPTS_LENIENT | {"debug"})
        accepts, failed = ask_ours(ours, root, path, "--strict", *options)
        tap.result("ne-emu --strict", name, accepts, failed, name in OURS_ACCEPTS | {"debug"})
    for verifier, program, expected in peers:
        answers = ask_peer(program, root, documents)
        for name, _, _ in documents:
            tap.result(verifier, name, *answers[name], name in expected)


def check_ec2(tap, ours, sample, aws_root, our_root, good, peers):
    """A document of EC2 under AWS's root at its time, at ours, and under our root; and
    one of ours under AWS's."""
    shown = subprocess.run([ours, "attest", "show", "--json", sample], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    ms = int(shown.split('"Timestamp": ')[1].split(",")[0])
    now = int(time.time() * 1000)

    cases = [
        ("of EC2", sample, aws_root, ms, True),
        ("of EC2, today,", sample, aws_root, now, False),
        ("of EC2 under our root", sample, our_root, ms, False),
        ("of ours under AWS's root", good, aws_root, now, False),
    ]
    for name, path, root, when, expected in cases:
        accepts, failed = ask_ours(ours, root, path, "--time", str(when // 1000),
                                   "--strict", "--allow-debug")
        tap.result("ne-emu", name, accepts, failed, expected)
        for verifier, program, _ in peers:
            answer = ask_peer(program, root, [("x", when, path)])["x"]
            tap.result(verifier, name, *answer, expected)


def main():
    """Everything."""
    folder, ours, go_peer, ec2 = sys.argv[1:]
    folder = pathlib.Path(folder)
    tap = Tap()
    peers = []
    if go_peer == "-":
        tap.skip("hf/nitrite (Go)")
    else:
        peers.append(("hf/nitrite (Go)", pathlib.Path(go_peer) / "verifier", GO_ACCEPTS))
    check_documents(tap, folder, ours, peers)
    if ec2 == "-":
        tap.skip("a document of EC2")
    else:
        check_ec2(tap, ours, pathlib.Path(ec2) / "document.cose",
                  pathlib.Path(ec2) / "root.der", folder / "root.der",
                  folder / "plain.cose", peers)
    print(f"1..{tap.number}")
    return tap.failed


if __name__ == "__main__":
    sys.exit(main())
