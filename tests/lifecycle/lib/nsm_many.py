#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Have many clients query the NSM of an enclave at the same time, each on its own
connection, and check that each answer belongs to its request.

usage: nsm_many.py CID CLIENTS
"""

import sys
import threading

import cbor2

from nsm_ask import ask

REGISTERS = 32


def check(cid, number):
    """Make requests unique to one client: yields (actual answer, expected answer)."""
    nonce = f"client {number}".encode()
    answer = cbor2.loads(ask(cid, cbor2.dumps({"Attestation": {"nonce": nonce}})))
    document = cbor2.loads(answer["Attestation"]["document"])
    yield cbor2.loads(document[2])["nonce"], nonce

    index = number % (2 * REGISTERS)
    answer = cbor2.loads(ask(cid, cbor2.dumps({"DescribePCR": {"index": index}})))
    kinds = ["DescribePCR"] if index < REGISTERS else ["Error"]
    yield list(answer), kinds


def main():
    """Run all clients and print the wrong answers."""
    cid, clients = map(int, sys.argv[1:])
    wrong = []
    start = threading.Barrier(clients)

    def client(number):
        start.wait()
        try:
            wrong.extend(case for case in check(cid, number) if case[0] != case[1])
        except Exception as error:  # any exception counts as a wrong answer
            wrong.append((repr(error), number))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for got, expected in wrong:
        print(f"got {got}, expected {expected}")
    print(f"{clients} clients, {len(wrong)} wrong answers")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
