#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Give each document to each verifier and compare their verdicts with the expected ones.
Prints TAP.

usage: peers.py DOCUMENTS NE_EMU GO RUST EC2

DOCUMENTS is a directory filled by make-documents and NE_EMU the program. The others are
the directories that peer.sh prints, or "skip: REASON" or "fail: REASON" for one that it
did not make.
"""

import pathlib
import subprocess
import sys
import tempfile
import time

# What each verifier accepts, according to its source. None of them is given expected
# values, so all accept a sound document of another enclave or one without wanted fields.
ANYBODY_ACCEPTS = {
    "plain", "definite", "debug", "pcr16", "all", "flaw-pcrs-zero", "flaw-pcr0", "flaw-nonce",
}
# hf/nitrite, nitrite.go
GO_ACCEPTS = ANYBODY_ACCEPTS | {
    # Unmarshal() of its CBOR library (2.2.0) skips tags before a structure and bytes after
    # it, takes fields in any order, drops unknown ones and uses the last duplicate.
    "flaw-tagged", "flaw-trailing", "flaw-key-order", "flaw-oversized", "flaw-duplicate",
    # Optional fields may be nil for any reason; present ones must keep AWS's limits.
    "flaw-no-public-key", "flaw-no-user-data", "flaw-no-nonce",
    # The timestamp must be above 0; validity is checked at CurrentTime.
    "flaw-stale", "flaw-future",
    # Go's Certificate.Verify() treats the bundle as a set in which to find a path to
    # Roots, and checks the key usage of CAs only.
    "cert-bundle-reversed", "cert-bundle-no-root", "cert-leaf-key-usage",
}
# nsm-nitro-enclave-utils, src/verify: decode, verify the chain, verify the signature
RUST_ACCEPTS = ANYBODY_ACCEPTS | {
    # coset does not compare "alg" with anything; VerifyingKey of p384 is always ES384.
    "flaw-algorithm",
    # serde: fields in any order, unknown ones dropped, an Option may be missing.
    "flaw-key-order", "flaw-oversized", "flaw-no-public-key", "flaw-no-user-data",
    "flaw-no-nonce",
    # Only the types of fields are checked: Digest has SHA512, pcrs is BTreeMap<usize,
    # ByteBuf>, optional fields may have any size, and the caller supplies the time.
    "flaw-digest", "flaw-module-id-empty", "flaw-stale", "flaw-future", "flaw-time-zero",
    "flaw-pcrs-empty", "flaw-pcrs-33", "flaw-pcr-index", "flaw-pcr-size", "full", "empty",
    # rustls-webpki finds a path to the given root through the bundle in any order, and
    # parses the key usage (cert.rs) but does not check it.
    "cert-bundle-reversed", "cert-bundle-no-root", "cert-ca-key-usage", "cert-leaf-key-usage",
}
# Ours rejects these only in strict mode or when given expected values.
OURS_ACCEPTS = {"plain", "definite", "full", "empty", "pcr16", "all", "flaw-nonce"}
OURS_ACCEPTS_LENIENT = OURS_ACCEPTS | {
    "flaw-tagged", "flaw-oversized", "flaw-key-order", "flaw-no-public-key",
    "flaw-no-user-data", "flaw-no-nonce",
}
# Longer or emptier than AWS's documentation allows.
OURS_ACCEPTS -= {"full", "empty"}
PCR0 = "0=" + 48 * "a0"


def report_missing(number, what, why):
    """Print the result for a peer that peer.sh did not make, from "skip: REASON" or
    "fail: REASON". Returns whether it is a failure."""
    verdict, reason = why.split(": ", 1)
    if verdict == "skip":
        print(f"ok {number} - {what} # SKIP {reason}")
        return False
    print(f"# {reason}\nnot ok {number} - {what}")
    return True


class Tap:
    """Results, one line each."""

    def __init__(self):
        self.number = 0
        self.failed = False

    def result(self, verifier, document, accepts, reason, expected):
        """@accepts is the actual verdict, @expected the expected one."""
        self.number += 1
        passed = accepts == expected
        self.failed |= not passed
        print(f"{'ok' if passed else 'not ok'} {self.number} - {verifier}: {document} "
              f"is {'accepted' if accepts else 'rejected'}"
              f"{'' if accepts or not reason else ': ' + reason}")

    def missing(self, verifier, why):
        """A verifier that could not be made."""
        self.number += 1
        self.failed |= report_missing(self.number, verifier, why)


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
              if line.startswith("error ")]
    assert bool(failed) == (run.returncode == 3)
    return run.returncode == 0, " ".join(failed)


def check_documents(tap, folder, ours, peers):
    """Our documents, valid ones and one for each flaw, with our root."""
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
    """A document of EC2 with AWS's root, at its time and today, and with our root; and one
    of ours with AWS's root."""
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
    """Run all tests."""
    folder, ours, go_peer, rust_peer, ec2 = sys.argv[1:]
    folder = pathlib.Path(folder)
    tap = Tap()
    peers = []
    for name, where, expected in (("hf/nitrite (Go)", go_peer, GO_ACCEPTS),
                                  ("nsm-nitro-enclave-utils (Rust)", rust_peer,
                                   RUST_ACCEPTS)):
        if where.startswith("/"):
            peers.append((name, pathlib.Path(where) / "verifier", expected))
        else:
            tap.missing(name, where)
    check_documents(tap, folder, ours, peers)
    if not ec2.startswith("/"):
        tap.missing("a document of EC2", ec2)
    else:
        check_ec2(tap, ours, pathlib.Path(ec2) / "document.cose",
                  pathlib.Path(ec2) / "root.der", folder / "root.der",
                  folder / "plain.cose", peers)
    print(f"1..{tap.number}")
    return tap.failed


if __name__ == "__main__":
    sys.exit(main())
