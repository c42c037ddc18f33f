#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks the description with syzkaller's parser and compiler.
#
# usage: SYZKALLER=/path/to/syzkaller check.sh
#
# SYZKALLER is its source tree. Needs Go, which downloads the dependencies of that tree.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
: "${SYZKALLER:?names the source tree of syzkaller}"

cd "$SYZKALLER"
go run "$here/check.go" "$here"
