#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs: root
# Compares check and measurement of an image of 512 MiB by "ne-emu eif describe" with
# OpenSSL's figure for SHA-384 over the same number of bytes, and with AWS's library if
# "make check-eif" has compiled it. Fails if the ratio is below the limit.

set -eu

out=$PWD/build/vm/bench
make -s -C userspace O="$out" WERROR=1
exec python3 tests/bench/eif.py "$out/ne-emu" build/eif-peer-*
