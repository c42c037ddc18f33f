#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a command in the build root, in this source tree, which keeps its path.
#
# usage: enter.sh [--root build|tools|fuzz|deb] COMMAND...
#
# The cache keeps its path, too; the user's home is not visible. The network is the host's;
# only commands in the tools root use it.

set -eu
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

kind=build
if [ "${1-}" = --root ] && [ $# -ge 2 ]; then
	kind=$2
	shift 2
fi
[ $# -gt 0 ] || die "usage: enter.sh [--root build|tools|fuzz|deb] COMMAND..."
root=$("$root_dir/mkroot.sh" "$kind")
ns sh "$root_dir/enter-root.sh" "$root" "$top" "$cache" "$@"
