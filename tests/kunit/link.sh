#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Links this source tree into the kernel tree of the KUnit tests, which several
# source trees use in turn. Runs in the build root.
#
# usage: link.sh DIRECTORY

set -eu

dir=$1
top=$PWD
ne_emu=$dir/tree/drivers/virt/ne_emu

[ "$(readlink "$ne_emu/driver")" != "$top/driver" ] || exit 0

# What make knows of the other tree's files says nothing about these.
rm -rf "$ne_emu" "$dir/build/drivers/virt/ne_emu"
touch -c "$dir/build/.config"
mkdir "$ne_emu"
ln -s "$top/driver" "$top/include" "$top/VERSION" "$ne_emu/"
ln -s "$top/driver/Kconfig" "$top/tests/kunit/Makefile" "$ne_emu/"
ln -s "$top/tests/kunit" "$ne_emu/kunit"
ln -s "$top/Kbuild" "$ne_emu/Kbuild.project"
