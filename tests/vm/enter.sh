#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a command in the build root, in this source tree at its own path.
#
# usage: enter.sh COMMAND...
#
# The cache is visible at its own path too. The user's home is not.

set -eu
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

[ $# -gt 0 ] || die "usage: enter.sh COMMAND..."
root=$("$vm_dir/mkroot.sh" build)
ns sh "$vm_dir/enter-root.sh" "$root" "$top" "$cache" "$@"
