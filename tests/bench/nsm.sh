#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs: root
# Compares the NSM's requests per second with OpenSSL's figure for the signature in a
# document. Both count processor time. Fails if the ratio of documents to signatures is below
# the limit.

set -eu

wanted=0.7
out=$PWD/build/vm/bench
make -s -C userspace O="$out" WERROR=1 libs
# shellcheck disable=SC2046 # options
gcc -O2 -g -Wall -Wextra -D_GNU_SOURCE -Iuserspace -o "$out/bench-nsm" tests/bench/nsm.c \
	"$out/libnsm.a" "$out/libcose.a" "$out/libcommon.a" $(pkg-config --cflags --libs libcbor openssl)

"$out/bench-nsm" > "$out/nsm.rates"
# "+F4:number:bits:signatures per second:verifications per second"
openssl speed -mr -seconds 3 ecdsap384 2> /dev/null |
	awk -F : '$1 == "+F4" { printf "signatures %.1f\n", $4 }' >> "$out/nsm.rates"
awk -v wanted="$wanted" '
	{ rate[$1] = $2; printf "%-12s %10.1f per second\n", $1, $2 }
	END {
		if (!rate["signatures"] || !rate["documents"])
			exit 1
		ratio = rate["documents"] / rate["signatures"]
		printf "documents / signatures of openssl speed: %.2f (wanted: %.2f)\n",
			ratio, wanted
		exit ratio < wanted
	}' "$out/nsm.rates"
