#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Executes the first change of Documentation/hacking.rst, in a copy of the tree that is
# laid over this one. TAP on stdout; runs in the build root.

set -eu
# shellcheck source=../lib/case.sh
. "$(dirname "$0")/../lib/case.sh"

page=Documentation/hacking.rst
chapter="A first change"

# Mount the layers at the path of the tree, so that the build reuses its objects.
if [ "${1-}" != --in-copy ]; then
	exec unshare --mount --propagation unchanged "$0" --in-copy
fi
tmp=$(mktemp -d)
mount -t tmpfs tmpfs "$tmp"
mkdir "$tmp/upper" "$tmp/work" "$tmp/blocks"
mount -t overlay overlay \
	-o "lowerdir=$PWD,upperdir=$tmp/upper,workdir=$tmp/work" "$PWD"
cd "$PWD"
tests/lifecycle/docs/blocks.py "$page" "$tmp/blocks"

# This is the build root already.
printf '#!/bin/sh\nexec "$@"\n' > scripts/root/enter.sh

# It would run this test again.
make() {
	[ "$*" = check-quick ]
}
export -f make

execute() {
	bash -eu -o pipefail -x "$1"
}

begin unit/first_change
for block in "$tmp"/blocks/[0-9][0-9]; do
	[ "$(cat "$block.title")" != "$chapter" ] ||
		check "$(head -n 1 "$block")" execute "$block"
done
check "there are four blocks" [ "$cases" = 4 ]
finish
