#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs: root
# Compares how long container images take to become enclave images with what sha384sum and
# tar need for the same bytes, and with AWS's eif_build if "make check-eif" has compiled it;
# and measures the second start of an image. Fails if a figure exceeds its limit.

set -eu

out=$PWD/build/vm/bench
make -s -C userspace O="$out" WERROR=1
# shellcheck disable=SC2046 # options
gcc -O2 -g -Wall -Wextra -D_GNU_SOURCE -Iuserspace -Iinclude/uapi -o "$out/bench-images" \
	tests/bench/images.c -Wl,--start-group "$out"/lib*.a -Wl,--end-group -pthread \
	$(pkg-config --cflags --libs libnl-genl-3.0 libcbor openssl jansson libdeflate zlib \
		libarchive)
exec python3 tests/bench/images.py "$out" build/eif-peer-0.8.1
