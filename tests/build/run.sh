#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Builds everything for all kernels of the VM with all warnings as errors, and the modules
# for more kernels. TAP on stdout; runs in the build root.
#
# usage: run.sh HEADERS     all of it; HEADERS is what scripts/root/headers.sh has made
#        run.sh userspace   only userspace

set -u
# shellcheck source=../lib/case.sh
. "$(dirname "$0")/../lib/case.sh"

headers=${1:?usage: run.sh HEADERS|userspace}
out=$PWD/build/check
log=$out/log
kernels=$(sed 's/^[^ ]* //' /usr/share/ne-emu-kernels)
first=$(echo "$kernels" | head -n 1)
mkdir -p "$out"

# Only modules, and only for the first series: sparse of Debian 13 fails on headers of newer
# kernels.
sparse_finds_nothing() {
	make -s B="$out/sparse" KVER="$1" KDIR="/lib/modules/$1/build" W=1 \
		C=2 CF=-D__CHECK_ENDIAN__ modules > "$log" 2>&1 &&
		! grep -E 'driver/[^ ]*: (warning|error)' "$log"
}

# modules RELEASE KDIR
modules() {
	make -s -j "$(nproc)" B="$out" KVER="$1" KDIR="$2" W=1 WERROR=1 modules > "$log" 2>&1 &&
		! grep -i 'warning: .*driver/\|driver/.*warning' "$log"
}

# refused RELEASE KDIR - the build fails with the reason, before anything is compiled
refused() {
	! make -s B="$out" KVER="$1" KDIR="$2" modules > "$log" 2>&1 &&
		grep -q 'these headers are older than Linux 6.12' "$log" &&
		! grep 'error:' "$log"
}

# The series of the headers above, and the series with the same interfaces.
dkms_takes_what_is_built() {
	claim=$(sed -n 's/^BUILD_EXCLUSIVE_KERNEL="\(.*\)"/\1/p' dkms.conf)
	for series in 6.12 6.13 6.14 6.15 6.16 6.17 6.18 6.19 7.0 7.1 7.2 7.3; do
		echo "$series.0" | grep -E "$claim" || return 1
	done
	for series in 5.15 6.1 6.2 6.8 6.11 6.20 7.4 7.10 8.0; do
		! echo "$series.0" | grep -E "$claim" || return 1
	done
}

userspace() {
	make -s -j "$(nproc)" -C userspace O="$out/userspace" WERROR=1 > "$log" 2>&1 &&
		make -s -C image OUTPUT="$out/image" >> "$log" 2>&1
}

# A tree with links to the kernel's sources, in which the selftests find lib.mk and what it
# includes. No other check uses these objects.
selftests_in_kernel_tree() {
	source=/usr/src/linux-source
	tree=$out/kselftest
	tests=$tree/tools/testing/selftests
	rm -rf "$tree"
	mkdir -p "$tests"
	ln -s "$source"/scripts "$source"/Makefile "$tree/"
	cp "$source"/tools/testing/selftests/lib.mk \
		"$source"/tools/testing/selftests/kselftest*.h "$tests/"
	cp -r tests/abi "$tests/nitro_enclaves"
	make -j "$(nproc)" -C "$tests/nitro_enclaves" KHDR_INCLUDES="-isystem $PWD/include/uapi" \
		USERCFLAGS="-O0 -Werror" > "$log" 2>&1 &&
		listed=$(make -s -C "$tests/nitro_enclaves" emit_tests | wc -l) &&
		[ "$listed" -gt "$(find tests/abi -name '*_test.c' | wc -l)" ]
}

# A stand-in for the enclave kernel, which takes minutes to build: a header that is recognised.
fake_kernel() {
	head -c 1024 /dev/zero > "$1"
	printf HdrS | dd of="$1" bs=1 seek=514 conv=notrunc status=none
	printf '\001' | dd of="$1" bs=1 seek=529 conv=notrunc status=none
	echo CONFIG_NET=y > "$1.config"
}

# Something that has a build id, and the scripts.
fake_vmlinux() {
	cp /bin/true "$1/vmlinux"
	mkdir -p "$1/scripts/gdb/linux"
	echo '# loads them' > "$1/vmlinux-gdb.py"
	echo '# has lx-dmesg' > "$1/scripts/gdb/linux/dmesg.py"
}

# By its build id, as debuggers look for it.
finds_vmlinux() {
	id=$(objcopy -O binary --only-section=.note.gnu.build-id "$out/fake/vmlinux" /dev/stdout |
		tail -c 20 | od -An -v -tx1 | tr -d ' \n')
	debug=$out/root/usr/lib/debug
	rest=${id#??}
	cmp "$debug/.build-id/${id%"$rest"}/$rest.debug" "$out/fake/vmlinux" &&
		cmp "$debug/usr/share/ne-emu/vmlinux" "$out/fake/vmlinux" &&
		[ -s "$debug/usr/share/ne-emu/vmlinux-gdb.py" ] &&
		[ -s "$debug/usr/share/ne-emu/scripts/gdb/linux/dmesg.py" ]
}

installs_guest() {
	mkdir -p "$out/fake"
	fake_kernel "$out/fake/bzImage"
	make -s B="$out" DESTDIR="$out/root" PREFIX=/usr ENCLAVE_KERNEL="$out/fake/bzImage" \
		install-guest > "$log" 2>&1 &&
		for file in libexec/ne-emu/guest/init share/ne-emu/bzImage \
			share/ne-emu/bzImage.config share/ne-emu/bzImage.cmdline \
			share/ne-emu/sample.eif; do
			[ -s "$out/root/usr/$file" ] || return 1
		done &&
		"$out/userspace/ne-emu" eif verify "$out/root/usr/share/ne-emu/sample.eif" \
			> "$log" 2>&1 &&
		fake_vmlinux "$out/fake" &&
		make -s B="$out" DESTDIR="$out/root" PREFIX=/usr \
			ENCLAVE_KERNEL="$out/fake/bzImage" install-guest-debug > "$log" 2>&1 &&
		finds_vmlinux >> "$log" 2>&1
}

installs() {
	make -s B="$out" DESTDIR="$out/root" PREFIX=/usr install > "$log" 2>&1 &&
		[ -x "$out/root/usr/bin/ne-emu" ] &&
		[ -x "$out/root/usr/libexec/ne-emu/ne-emu-vmm" ] &&
		grep -q '^ExecStart=/usr/sbin/ne-emud' \
			"$out/root/usr/lib/systemd/system/ne-emud.service" &&
		[ -s "$out/root/usr/share/zsh/vendor-completions/_ne-emu" ] &&
		[ -s "$out/root/usr/lib/systemd/system/multi-user.target.wants/ne-emu-setup.service" ] &&
		[ ! -e "$out/root/usr/libexec/ne-emu/guest" ] && installs_guest &&
		make -s B="$out" DESTDIR="$out/root" PREFIX=/usr uninstall > "$log" 2>&1 &&
		left=$(find "$out/root" ! -type d ! -name '*.conf') &&
		{ [ -z "$left" ] || { echo "left behind: $left" >> "$log"; false; }; }
}

if [ "$headers" = userspace ]; then
	begin build/userspace
	check "userspace" userspace
	finish
fi
begin build/all
for kernel in $kernels; do
	check "modules for $kernel" modules "$kernel" "/lib/modules/$kernel/build"
	[ "$kernel" != "$first" ] || check "sparse on $kernel" sparse_finds_nothing "$kernel"
done
for folder in "$headers"/usr/src/linux-headers-*-cloud-amd64; do
	kernel=${folder##*/linux-headers-}
	case $kernel in
	as-6.10-*) check "too old a kernel is refused" refused "$kernel" "$folder" ;;
	*) check "modules for $kernel" modules "$kernel" "$folder" ;;
	esac
done
check "dkms.conf takes what is built, and nothing else" dkms_takes_what_is_built
check "userspace" userspace
check "completion for bash, zsh and fish" tests/build/completion.py "$out/userspace"
check "exit codes of command lines" tests/build/usage.sh "$out/userspace"
check "selftests in a kernel tree" selftests_in_kernel_tree
check "install and uninstall" installs
finish
