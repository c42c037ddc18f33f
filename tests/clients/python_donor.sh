#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# A client in Python that creates children after it has donated its memory.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program python3
need_host 128

donor_has_children() {
	remember
	python3 "$here/lib/donor.py"
	same_as_before
}

check "children of a client that gave away all huge pages" donor_has_children
finish
