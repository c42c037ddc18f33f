#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Adds files for the debug kernel to the VM's payload. Runs in the build root.
#
# usage: build.sh KERNEL_DIR PAYLOAD DIRECTORY
#
# Makes DIRECTORY/root/lib/modules with all modules of the kernel and ours, and
# DIRECTORY/payload.tar.

set -eu

kernel=$1 payload=$2 out=$3
release=$(ls "$kernel/lib/modules")
stage=$out/stage

rm -rf "$out/root" "$stage"
mkdir -p "$out/root/lib/modules" "$stage/opt/ne-emu" \
	"$stage/etc/systemd/system.conf.d"
cp -r "$kernel/lib/modules/$release" "$out/root/lib/modules/"
make -j "$(nproc)" B="$out" KVER="$release" KDIR="$kernel/build" WERROR=1 \
	DESTDIR="$out/root" modules modules_install
depmod -b "$out/root" "$release"

make -j "$(nproc)" -C tests/debug OUTPUT="$out/bin" WERROR=1
cp -r tests/debug "$stage/opt/ne-emu/"
cp "$out"/bin/*_test "$stage/opt/ne-emu/debug/"

# Build in a place where output may be written.
cp -r tests/debug/lib/ne_fault "$out/"
make -C "$kernel/build" M="$out/ne_fault" KCFLAGS=-Werror modules
cp "$out/ne_fault/ne_fault.ko" "$stage/opt/ne-emu/debug/"

# Do not kill services that are only slow.
cat > "$stage/etc/systemd/system.conf.d/slow.conf" <<-'END'
	[Manager]
	DefaultTimeoutStartSec=1800s
	DefaultDeviceTimeoutSec=1800s
END

# A running VM may still use the old payload.
cp "$payload" "$out/payload.tar.part"
tar -C "$stage" --append --owner=0 --group=0 --numeric-owner \
	-f "$out/payload.tar.part" ./opt/ne-emu/debug ./etc/systemd/system.conf.d
mv "$out/payload.tar.part" "$out/payload.tar"
