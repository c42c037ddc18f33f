#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The part of payload.sh that runs in the build root.
#
# usage: payload-root.sh DIRECTORY ENCLAVE_KERNEL

set -eu

out=$1 kernel=$2
stage=$out/stage
tests=$stage/opt/ne-emu

quick_make() {
	make -s -j "$(nproc)" B="$out" PREFIX=/usr "$@"
}

rm -rf "$stage"
mkdir -p "$tests/bin"

quick_make DESTDIR="$stage" install
quick_make DESTDIR="$stage" ENCLAVE_KERNEL="$kernel" install-guest
# Another kernel may have none.
[ ! -e "${kernel%/*}/vmlinux" ] ||
	quick_make DESTDIR="$stage" ENCLAVE_KERNEL="$kernel" install-guest-debug
while read -r _ release; do
	quick_make DESTDIR="$stage" KVER="$release" modules modules_install
done < /usr/share/ne-emu-kernels

# /lib is a link in the VM. depmod needs all modules of the kernel.
mv "$stage/lib/modules" "$stage/usr/lib/"
rmdir "$stage/lib"
while read -r _ release; do
	folder=$stage/usr/lib/modules/$release
	cp -a "/usr/lib/modules/$release/kernel" "/usr/lib/modules/$release"/modules.* \
		"$folder/"
	depmod -b "$stage/usr" "$release"
	rm -r "$folder/kernel"
done < /usr/share/ne-emu-kernels

make -s -j "$(nproc)" -C tests/abi OUTPUT="$out/abi" \
	INSTALL_PATH="$tests/abi" install
make -s -C tests/lifecycle OUTPUT="$out/bin"
make -s -C tests/clients OUTPUT="$out/bin"
make -s -C tests/vsock OUTPUT="$out/bin"
make -s -C tests/bench OUTPUT="$out/bin"
make -s -C tests/abi/vmm O="$out/userspace" OUTPUT="$out/bin"
cp "$out"/bin/* "$tests/bin/"
# compare_drivers.sh runs these.
mv "$tests/abi/cpu_pool_test" "$tests/abi/parameter_test" "$tests/bin/"
cp -r tests/lib tests/lifecycle tests/clients tests/container tests/daily tests/inside tests/attest \
	tests/vsock tests/bench "$tests/"
mkdir "$tests/lifecycle/docs/pages"
cp README.md Documentation/install.rst Documentation/troubleshooting.rst \
	Documentation/ci.rst Documentation/hacking.rst Documentation/debugging.rst \
	Documentation/examples/github-workflow.yml "$tests/lifecycle/docs/pages/"
cp scripts/vm/demo.sh "$tests/"

image/build.sh "$kernel" "$out/userspace/guest/init" "$out/userspace/ne-emu" \
	"$tests/vsock.eif" \
	"$out/bin/vsock_agent" "$out/bin/vsock_test" "$out/bin/vsock_perf"

tar -C "$stage" -c --owner=0 --group=0 --numeric-owner -f "$out/payload.tar.part" .
mv "$out/payload.tar.part" "$out/payload.tar"
