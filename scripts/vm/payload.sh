#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the payload of the VM in the build root: everything as installed, for every kernel,
# the tests and the sample image. Makes DIRECTORY/payload.tar.
#
# usage: payload.sh DIRECTORY

set -eu
# shellcheck source=../root/lib.sh
. "$(dirname "$0")/../root/lib.sh"
vm_dir=$top/scripts/vm

out=$(realpath -m "${1:?usage: payload.sh DIRECTORY}")
kernel=${ENCLAVE_KERNEL:-$("$top/image/kernel.sh")}

mkdir -p "$out"
exec 8> "$out/lock"
flock 8
say "building for the VM; the details are in $out/build.log"
"$root_dir/enter.sh" "$vm_dir/payload-root.sh" "$out" "$kernel" \
	> "$out/build.log" 2>&1 || {
	tail -n 40 "$out/build.log" >&2
	die "the build failed, all of it is in $out/build.log"
}
