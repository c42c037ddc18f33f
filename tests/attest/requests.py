#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Pass requests to our decoder and to AWS's, and compare the results. Prints TAP.

usage: requests.py DECODE_REQUESTS NSM_API

DECODE_REQUESTS is our program; NSM_API the directory that peer.sh prints, or why it did not
make one, as for peers.py. The requests are random, the same ones in each run: all the forms that a
general CBOR decoder may take for one, other items, and both with bytes changed.
"""

import random
import struct
import subprocess
import sys

from peers import report_missing

COUNT = 20000
# Larger requests are refused before they are decoded.
REQUEST_MAX = 4096

UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, OTHER = range(8)
NULL, UNDEFINED, BREAK = b"\xf6", b"\xf7", b"\xff"

# Fields: name and kind.
REQUESTS = [
    ("DescribePCR", [("index", "u16")]),
    ("ExtendPCR", [("index", "u16"), ("data", "bytes")]),
    ("LockPCR", [("index", "u16")]),
    ("LockPCRs", [("range", "u16")]),
    ("DescribeNSM", []),
    ("Attestation", [("user_data", "option"), ("nonce", "option"), ("public_key", "option")]),
    ("GetRandom", []),
]


class Writer:
    """Writes requests in a random form."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def chance(self, probability):
        """True with this probability."""
        return self.random.random() < probability

    def head(self, major, number):
        """Mostly the shortest form, sometimes a longer one."""
        forms = [(info, size) for info, size in ((24, 1), (25, 2), (26, 4), (27, 8))
                 if number < 1 << 8 * size]
        if number < 24 and not self.chance(0.1):
            return bytes([major << 5 | number])
        info, size = forms[0] if not self.chance(0.1) else self.random.choice(forms)
        return bytes([major << 5 | info]) + number.to_bytes(size, "big")

    def tagged(self, item, tags=(0, 2, 18, 24, 55799, 1 << 40)):
        """Rarely, put tags in front."""
        while self.chance(0.04):
            item = self.head(TAG, self.random.choice(tags)) + item
        return item

    def chunks(self, major, data):
        """A string in chunks."""
        out = bytes([major << 5 | 31])
        while data or self.chance(0.2):
            size = self.random.randint(0, len(data))
            out += self.head(major, size) + data[:size]
            data = data[size:]
        return out + BREAK

    def string(self, data, text=0.5):
        """Bytes or text, whole or in chunks."""
        major = TEXT if self.chance(text) else BYTES
        if self.chance(0.1):
            return self.chunks(major, data)
        return self.head(major, len(data)) + data

    def collection(self, major, items, count):
        """An array or map of definite or indefinite length."""
        if self.chance(0.2):
            return bytes([major << 5 | 31]) + b"".join(items) + BREAK
        return self.head(major, count) + b"".join(items)

    def number(self):
        """A valid or nearly valid index."""
        return self.random.choice((0, 1, 15, 16, 23, 24, 31, 32, 255, 256, 65535, 65536,
                                   1 << 32, (1 << 64) - 1))

    def some_bytes(self):
        """A few bytes, sometimes text or null."""
        if self.chance(0.2):
            return "PCR äö€😀".encode()[:self.random.randint(0, 14)]
        return self.random.randbytes(self.random.randint(0, 40))

    def value(self, kind):
        """The value of a field, mostly of the right kind."""
        if self.chance(0.06):
            return self.item(3)
        if kind == "u16":
            return self.tagged(self.head(UINT, self.number()))
        if kind == "option" and self.chance(0.3):
            return self.tagged(NULL)
        data = self.some_bytes()
        if self.chance(0.15):
            items = [self.tagged(self.head(UINT, byte)) for byte in data]
            return self.tagged(self.collection(ARRAY, items, len(items)))
        return self.tagged(self.string(data, 0.2))

    def item(self, depth):
        """Any item."""
        kind = self.random.randrange(12 if depth else 8)
        if kind < 2:
            return self.head(kind, self.number())
        if kind < 4:
            return self.string(self.some_bytes())
        if kind == 4:
            return self.random.choice((b"\xf4", b"\xf5", NULL, UNDEFINED, b"\xe0", b"\xf8\x20",
                                       b"\xf8\xff", b"\xfc", BREAK))
        if kind == 5:
            return self.random.choice((b"\xf9" + self.random.randbytes(2),
                                       b"\xfa" + struct.pack(">f", 16.0),
                                       b"\xfb" + struct.pack(">d", 1.5)))
        if kind == 6:
            return self.head(TAG, self.number()) + self.item(0)
        if kind == 7:
            return self.string(b"index")
        items = [self.item(depth - 1) for _ in range(self.random.randrange(4))]
        if kind < 10:
            return self.collection(ARRAY, items, len(items))
        items = [item + self.item(depth - 1) for item in items]
        return self.collection(MAP, items, len(items))

    def name(self, text, index):
        """The name of a request or field: text, bytes or its number."""
        if self.chance(0.15):
            return self.tagged(self.head(UINT, index))
        return self.tagged(self.string(text.encode(), 0.8))

    def body(self, fields):
        """The fields as a map or an array; some are missing, unknown or duplicate."""
        if not fields:
            return self.random.choice((NULL, UNDEFINED, b"\xa0", b"\x80", self.item(2)))
        if self.chance(0.1):
            items = [self.value(kind) for _, kind in fields]
            return self.tagged(self.collection(ARRAY, items, len(items)))
        items = []
        for index, (name, kind) in enumerate(fields):
            if self.chance(0.95 if kind != "option" else 0.7):
                items.append(self.name(name, index) + self.value(kind))
        while self.chance(0.15):
            items.append(self.name(self.random.choice(("foo", "index", "nonce")),
                                   self.random.randrange(5)) + self.item(3))
        if self.chance(0.5):
            self.random.shuffle(items)
        return self.tagged(self.collection(MAP, items, len(items)))

    def request(self):
        """A request in a form that is often accepted."""
        index = self.random.randrange(len(REQUESTS))
        name, fields = REQUESTS[index]
        name = self.name(name, index)
        if self.chance(0.6 if not fields else 0.02):
            return self.tagged(name)
        body = self.body(fields)
        if self.chance(0.1):
            full = self.collection(ARRAY, [name, body], 2)
        elif self.chance(0.05):
            full = self.collection(MAP, [name, body], 1)
        else:
            full = b"\xa1" + name + body
        # We also accept the tag for "this is CBOR", 55799, in front of these.
        return self.tagged(full, (0, 18, 1 << 40))

    def changed(self, request):
        """The request with some bytes changed, added or removed."""
        request = bytearray(request)
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randrange(len(request) + 1)
            kind = self.random.randrange(5)
            if kind == 0:
                request[at:at + 1] = self.random.randbytes(1)
            elif kind == 1:
                request[at:at] = self.random.randbytes(1)
            elif kind == 2:
                del request[at:at + 1]
            elif kind == 3:
                request[at:at] = self.item(2)
            else:
                del request[at:]
        return bytes(request)


def make_requests():
    """{kind: list of requests}"""
    writer = Writer("requests")
    plain = [writer.request() for _ in range(COUNT)]
    return {
        "requests in all forms": plain,
        "requests with changed bytes": [writer.changed(request) for request in plain],
        "other items": [writer.item(4) for _ in range(COUNT // 4)],
    }


def ask(program, requests):
    """The result of a decoder for each request."""
    text = "".join(request.hex() + "\n" for request in requests)
    return subprocess.run([program], input=text, check=True, text=True,
                          stdout=subprocess.PIPE).stdout.splitlines()


def compare(number, kind, requests, ours, theirs):
    """Print one result."""
    assert len(requests) == len(ours) == len(theirs)
    differ = [case for case in zip(requests, ours, theirs) if case[1] != case[2]]
    for request, our, their in differ[:20]:
        print(f"# {request.hex()}\n#   AWS's decoder: {their}\n#   ours: {our}")
    accepted = sum(answer != "reject" for answer in theirs)
    print(f"{'not ' if differ else ''}ok {number} - {kind}: {len(requests)}, "
          f"{accepted} accepted, {len(differ)} understood otherwise")
    return bool(differ)


def main():
    """Run all tests."""
    program, peer = sys.argv[1:]
    failed = False
    if not peer.startswith("/"):
        print("1..1")
        return report_missing(1, "AWS's decoder", peer)
    groups = make_requests()
    for number, (kind, requests) in enumerate(groups.items(), 1):
        requests = [request for request in requests if len(request) <= REQUEST_MAX]
        failed |= compare(number, kind, requests, ask(program, requests),
                          ask(peer + "/decoder", requests))
    print(f"1..{len(groups)}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
