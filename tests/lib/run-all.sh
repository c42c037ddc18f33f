#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs in the VM: the tests of some folders, as installed by payload-root.sh.
#
# usage: run-all.sh FOLDER...

here=$(dirname "$0")
NE_TEST_BIN=$here/bin
export NE_TEST_BIN

for folder; do
	tests=$(find "$here/$folder" -maxdepth 1 -type f -perm -u+x | sort)
	# shellcheck disable=SC2086 # a list
	"$here/run-each.sh" "$folder" 900 $tests
done
exit 0
