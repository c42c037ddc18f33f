#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Effects of commands on the host: files they write, also if they are killed; expensive
# images; memory and CPUs that "setup" takes.
#
# Once: nothing here depends on the kernel.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3
need_host 160
need_daemon
need_image

SOURCE_DATE_EPOCH=1
export SOURCE_DATE_EPOCH
ne-emu eif extract "$image" "$tmp/parts" > /dev/null

# build OPTION... - build an image from the parts of the sample
build() {
	ne-emu eif build --kernel "$tmp/parts/kernel" --cmdline-file "$tmp/parts/cmdline" \
		--ramdisk "$tmp/parts/ramdisk0" --name sample "$@"
}

through() {
	build -o "$tmp/file.eif" > "$tmp/told"
	build -o /dev/null > "$tmp/null"
	[ -c /dev/null ]
	diff "$tmp/null" - <<-END
	$(sed "s|$tmp/file.eif|/dev/null|" "$tmp/told")
	END
	build -o - 2> "$tmp/stderr" | cmp - "$tmp/file.eif"
	grep -q '^PCR0 ' "$tmp/stderr"
	mkfifo "$tmp/fifo"
	cmp "$tmp/fifo" "$tmp/file.eif" &
	build -o "$tmp/fifo" > /dev/null
	wait $!
	[ -p "$tmp/fifo" ]
}

keys() {
	python3 "$here/lib/certificate.py" "$tmp/key.pem" "$tmp/cert.pem" 9
}

private() {
	keys
	build -o "$tmp/private.eif" > /dev/null
	chmod 600 "$tmp/private.eif"
	chown 1000:1000 "$tmp/private.eif"
	ln -s private.eif "$tmp/link"
	ne-emu eif sign --private-key "$tmp/key.pem" --signing-certificate "$tmp/cert.pem" \
		"$tmp/link"
	[ -L "$tmp/link" ]
	stat -c '%a %u:%g' "$tmp/private.eif" | grep -x '600 1000:1000'
	ne-emu eif verify --signed "$tmp/private.eif"
}

no_key() {
	keys
	cat "$tmp/key.pem" "$tmp/cert.pem" > "$tmp/both.pem"
	build -o "$tmp/unsigned.eif" > /dev/null
	fails ne-emu eif sign --private-key "$tmp/both.pem" \
		--signing-certificate "$tmp/both.pem" "$tmp/unsigned.eif" 2> "$tmp/said"
	cat "$tmp/said"
	grep -q 'holds a private key' "$tmp/said"
	fails grep -q PRIVATE "$tmp/unsigned.eif"
}

reads_ramdisk() {
	[ -n "$(find "/proc/$1/fd" -lname '*.cpio' 2> /dev/null)" ]
}

# The ramdisk is a pipe that stays open, so the image stays incomplete.
killed() {
	mkdir "$tmp/folder"
	mkfifo "$tmp/endless.cpio"
	sleep 60 > "$tmp/endless.cpio" &
	writer=$!
	ne-emu eif build --kernel "$tmp/parts/kernel" --cmdline-file "$tmp/parts/cmdline" \
		--ramdisk "$tmp/endless.cpio" -o "$tmp/folder/x.eif" &
	builder=$!
	wait_for 20 reads_ramdisk "$builder"
	kill -9 "$builder" "$writer"
	wait "$builder" "$writer" || :
	ls -A "$tmp/folder"
	[ -z "$(ls -A "$tmp/folder")" ]
}

# A sparse file of 1 TiB, of which the archive has 512 bytes.
hole() {
	python3 - "$tmp/hole.tar" <<-'PYTHON'
	import sys
	number = lambda n: bytes([0x80, 0, 0, 0]) + n.to_bytes(8, "big")
	head = bytearray(512)
	head[0:1] = b"s"
	head[100:136] = b"0000644\0" b"0000000\0" b"0000000\0" b"00000001000\0"
	head[136:148] = b"00000000000\0"
	head[148:156] = b" " * 8
	head[156:157] = b"S"
	head[257:265] = b"ustar  \0"
	head[386:398] = number(1 << 40)
	head[398:410] = b"00000001000\0"
	head[483:495] = number((1 << 40) + 512)
	head[148:156] = b"%06o\0 " % sum(head)
	open(sys.argv[1], "wb").write(head + b"d" * 512 + bytes(1024))
	PYTHON
	fails timeout 60 ne-emu eif build --kernel "$tmp/parts/kernel" --image "$tmp/hole.tar" \
		-o "$tmp/hole.eif" 2> "$tmp/said"
	cat "$tmp/said"
	grep -q 's: with it, contents have more than 8192 MiB; allow more with --max-size' \
		"$tmp/said"
	[ ! -e "$tmp/hole.eif" ]
}

captures() {
	grep -q Capturing "$tmp/said"
}

capture_private() {
	echo before > "$tmp/pcap"
	chmod 644 "$tmp/pcap"
	ne-emu pcap --write "$tmp/pcap" 2> "$tmp/said" &
	wait_for 20 captures
	stat -c %a "$tmp/pcap" | grep -x 600
	kill -INT $!
	wait $!
	fails grep -q before "$tmp/pcap"
}

all_pages() {
	cat /proc/sys/vm/nr_hugepages
}

unchanged() {
	[ "$(all_pages)" = "$pages" ] || return 1
	[ "$(cat "$pool_file")" = "$cpus" ] || return 1
	[ ! -e /run/ne-emu/setup.json ]
}

too_much() {
	rm -f /run/ne-emu/setup.json
	pages=$(all_pages) cpus=$(cat "$pool_file")
	begin=$(now_ms)
	fails ne-emu setup --memory 100G --cpus 2 > "$tmp/said" 2>&1
	took=$(($(now_ms) - begin))
	cat "$tmp/said"
	echo "after $took ms"
	grep -q 'more are needed, but only .* are available' "$tmp/said"
	[ "$took" -le 5000 ]
	unchanged
}

in_use() {
	rm -f /run/ne-emu/setup.json
	run_image a
	pages=$(all_pages) cpus=$(cat "$pool_file")
	fails ne-emu setup --memory $(($(free_pages) * 2 + 64)) --cpus 2 > "$tmp/out" 2> "$tmp/said"
	cat "$tmp/out" "$tmp/said"
	grep -q 'the CPU pool is in use' "$tmp/said"
	[ ! -s "$tmp/out" ]
	unchanged
	close_client a
}

check "-o writes through devices and pipes, and - is standard output" through
check "an image that is signed stays its owner's, and a link a link" private
check "a file of key and certificate does not go into an image" no_key
check "a build that is killed leaves nothing" killed
check "a hole of 1 TiB in a container image" hole
check "a capture into a file that others could read" capture_private
check "setup: more memory than there is" too_much
check "setup: while an enclave exists" in_use
finish
