#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Enclaves from images that "ne-emu eif" makes: a root file system with a user and a
# working directory, signatures, memory that the command line reserves.
#
# Once: this tests the image and the VMM's loader.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3 busybox
need_host 160
need_daemon
need_image

ne-emu eif extract "$image" "$tmp/parts" > /dev/null

# until_end IMAGE - run it in debug mode until it ends; its console goes to $tmp/out
until_end() {
	timeout 120 ne-emu run --memory 128 --debug --console "$1" > "$tmp/out" 2> "$tmp/err" || :
	tail -n 20 "$tmp/out"
	cat "$tmp/err"
}

application() {
	mkdir -p "$tmp/root/bin" "$tmp/root/etc"
	cp "$(command -v busybox)" "$tmp/root/bin/busybox"
	echo 'app:x:1000:100::/:/bin/sh' > "$tmp/root/etc/passwd"
	printf 'users:x:100:\nextra:x:7:app\n' > "$tmp/root/etc/group"
	# shellcheck disable=SC2016 # expanded in the enclave
	ne-emu eif build --kernel "$tmp/parts/kernel" --cmdline-file "$tmp/parts/cmdline" \
		--rootfs "$tmp/root" --user app --workdir /some/where --env 'GREETING=good day' \
		--exec /bin/busybox --exec sh --exec -c \
		--exec 'B=/bin/busybox; $B echo "=$($B id -u):$($B id -g):$($B id -G)=$($B pwd)=$GREETING="' \
		--output "$tmp/app.eif"
	until_end "$tmp/app.eif"
	grep -a -q '=1000:100:100 7=/some/where=good day=' "$tmp/out"
}

# sign DAYS - sign the sample image as $tmp/signed.eif
sign() {
	python3 "$here/lib/certificate.py" "$tmp/key.pem" "$tmp/certificate.pem" "$1"
	ne-emu eif sign --private-key "$tmp/key.pem" --signing-certificate \
		"$tmp/certificate.pem" --output "$tmp/signed.eif" "$image"
}

signed() {
	sign 9
	remember
	client a -m 128 -i "$tmp/signed.eif"
	wait_said 90 a heartbeat
	close_client a
	same_as_before
}

# The launcher does not check dates, but the VMM does, and its reason is reported.
expired() {
	sign -1
	remember
	if timeout 60 ne-emu run --memory 128 --timeout 60 "$tmp/signed.eif" > "$tmp/said" 2>&1
	then
		echo "it started"
		return 1
	fi
	cat "$tmp/said"
	grep -q 'certificate has expired' "$tmp/said"
	same_as_before
}

# boot_log MIB IMAGE - run it in debug mode until its heartbeat; its console goes to $tmp/log
boot_log() {
	client a -m "$1" -d -i "$2"
	wait_said 90 a heartbeat
	uid=$(value a uid)
	close_client a
	ne-emu logs "$uid" > "$tmp/log"
}

# Kernel and ramdisk must avoid reserved memory.
reserved() {
	kernel=$tmp/parts/kernel
	ne-emu eif build --kernel "$kernel" --ramdisk "$tmp/parts/ramdisk0" \
		--ramdisk "$tmp/parts/ramdisk1" --output "$tmp/reserved.eif" --cmdline \
		"$(cat "$tmp/parts/cmdline") memmap=1M\$16M,8M\$120M"
	boot_log 128 "$tmp/reserved.eif"
	grep -a -i 'user: \[mem' "$tmp/log"
	grep -a -q 'reserved' "$tmp/log"
}

# The enclave has 3 GiB below its hole, of which all but 64 MiB are reserved here, and
# 256 MiB at 4 GiB, the only place with room for the ramdisks.
above_4g() {
	echo 1664 > /proc/sys/vm/nr_hugepages
	[ "$(free_pages)" -ge 1664 ] || skip "no 1664 huge pages of 2 MiB"
	head -c 48M /dev/zero > "$tmp/zeros"	# the kernel skips zeros
	ne-emu eif build --kernel "$tmp/parts/kernel" --ramdisk "$tmp/parts/ramdisk0" \
		--ramdisk "$tmp/parts/ramdisk1" --ramdisk "$tmp/zeros" \
		--output "$tmp/high.eif" --cmdline \
		"$(cat "$tmp/parts/cmdline") memmap=3008M\$64M"
	boot_log 3328 "$tmp/high.eif"
	grep -a 'RAMDISK:' "$tmp/log"
	grep -a -q 'RAMDISK: \[mem 0x10[0-9a-f]\{7\}-0x10[0-9a-f]*\]' "$tmp/log"
}

check "a root file system with user, directory, environment" application
check "signed image" signed
check "signed image, expired certificate: refused with the reason" expired
check "reserved memory is left alone" reserved
check "ramdisks above 4 GiB" above_4g
finish
