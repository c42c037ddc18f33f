#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs: root
# Check and measurement of an image of 512 MiB by "ne-emu eif describe", beside OpenSSL's
# own figure for SHA-384 over the bytes that have to be hashed, and beside AWS's library
# where "make check-eif" has compiled it. Fails below the ratio that is to be kept.

set -eu

out=$PWD/build/vm/bench
make -s -C userspace O="$out" WERROR=1
exec python3 tests/bench/eif.py "$out/ne-emu" build/eif-peer-*
