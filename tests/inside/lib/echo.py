#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exchange numbered lines with the echo service of the sample image until FILE exists.

usage: echo.py CID FILE PROGRESS

Each line must come back. PROGRESS has the number of the last one that did.
"""

import os
import socket
import sys

cid, stop, progress = sys.argv[1:]
link = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
link.connect((int(cid), 5005))
lines = link.makefile("rb")
number = 0
while not os.path.exists(stop):
    number += 1
    line = b"line %d\n" % number
    link.sendall(line)
    assert lines.readline() == line
    with open(progress + ".new", "w") as file:
        file.write(str(number))
    os.rename(progress + ".new", progress)
print(number, "lines came back")
