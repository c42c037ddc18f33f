#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Updates the KUnit kernel and boots it. Runs in the build root.
#
# usage: build-and-boot.sh DIRECTORY FILTER
#
# The machine: cores {0,1} {2,3} {4,5} on node 0 and {6,7} on node 1, CPUs 8 to 15
# offline, 64 huge pages on node 0.

set -eu

dir=$1 filter=$2

"$(dirname "$0")/link.sh" "$dir"
make -s -C "$dir/build" -j "$(nproc)" bzImage

machine="-cpu EPYC -smp 16,sockets=1,cores=8,threads=2 \
-object memory-backend-ram,id=m0,size=768M -object memory-backend-ram,id=m1,size=256M \
-numa node,nodeid=0,memdev=m0 -numa node,nodeid=1,memdev=m1 \
-numa cpu,node-id=0,socket-id=0,core-id=0 -numa cpu,node-id=0,socket-id=0,core-id=1 \
-numa cpu,node-id=0,socket-id=0,core-id=2 -numa cpu,node-id=1,socket-id=0,core-id=3 \
-numa cpu,node-id=1,socket-id=0,core-id=4 -numa cpu,node-id=1,socket-id=0,core-id=5 \
-numa cpu,node-id=1,socket-id=0,core-id=6 -numa cpu,node-id=1,socket-id=0,core-id=7"

export PYTHONUNBUFFERED=1
exec "$dir/tree/tools/testing/kunit/kunit.py" exec --arch=x86_64 \
	--build_dir="$dir/build" --timeout=300 --raw_output=kunit \
	--qemu_args="$machine" --kernel_args="maxcpus=8 cpuhp.parallel=off hugepages=0:64 kunit.stats_enabled=2" \
	"$filter"
