#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Check that phrases.py finds the banned phrases and nothing else."""

import os
import sys
import tempfile

sys.dont_write_bytecode = True

import phrases  # pylint: disable=wrong-import-position

C_FILE = '''#include "folder.h"
/*
 * The first line. This is
 * no line that passes.
 */
int folder;			/* of a Folder */
static const char text[] = "\\"z\\" is no amount of memory";
// Whoever
// wants it.
'''
SHELL_FILE = '''#!/bin/sh
folder=$1	# the folder
echo "nothing to mend, ${folder}"
'''
# The second word of a phrase may be in the next line; "there is no" is English.
PAGE = '''There is no KVM. There is
no module. It is no longer so. The
certificates hang
from a root. tests/unit/test_folder.c
'''
EXPECTED = {
    "a.c": [(3, "is no line"), (6, "Folder"), (7, "is no amount"), (8, "Whoever")],
    "a.sh": [(2, "folder"), (3, "mend")],
    "a.rst": [(3, "hang from")],
}


def main():
    listed = list(phrases.banned())
    assert len(listed) > 20
    with tempfile.TemporaryDirectory() as directory:
        for name, text in ("a.c", C_FILE), ("a.sh", SHELL_FILE), ("a.rst", PAGE):
            path = os.path.join(directory, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            found = sorted((line, phrase) for line, phrase, _ in phrases.faults(path, listed))
            assert found == EXPECTED[name], (name, found)


if __name__ == "__main__":
    main()
