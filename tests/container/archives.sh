#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# One container image in all its forms, copied by skopeo, becomes the same enclave, which runs.
# tests/unit/test_archives.sh has the odd forms, without a VM.
#
# Once: what an archive becomes does not depend on the kernel.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3 jq skopeo busybox
need_host 160
need_daemon

layout=$tmp/layout

# build IMAGE - as $tmp/image.eif; print PCR1 and PCR2, which the ramdisks determine
build() {
	ne-emu eif build --image "$1" --name archive --json -o "$tmp/image.eif" |
		jq -e '.Measurements | [.PCR1, .PCR2]'
}

# copy TARGET - the image in another form
copy() {
	skopeo --insecure-policy copy --quiet "oci:$layout" "$1"
}

# same IMAGE - is it built into the ramdisks of the layout?
same() {
	build "$1" > "$tmp/pcrs"
	diff "$tmp/expected" "$tmp/pcrs"
}

layout_is_built() {
	build "$layout" > "$tmp/expected"
}

archive_of_layout() {
	copy "oci-archive:$tmp/oci.tar"
	same "$tmp/oci.tar"
	gzip -k "$tmp/oci.tar"
	same "$tmp/oci.tar.gz"
}

docker_archive() {
	copy "docker-archive:$tmp/docker.tar:app:1"
	same "$tmp/docker.tar"
}

docker_directory() {
	copy "dir:$tmp/dir"
	same "$tmp/dir"
}

# The last image that is built: it runs.
standard_input() {
	same - < "$tmp/docker.tar"
	# From a pipe, which is not seekable.
	gzip -c "$tmp/docker.tar" | same -
	ne-emu run --memory 256 --debug --console "$tmp/image.eif" > "$tmp/output"
	grep -a "a program ran" "$tmp/output"
}

a_damaged_layer_is_refused() {
	printf X | dd of="$tmp/dir/$(jq -r '.layers[0].digest[7:]' "$tmp/dir/manifest.json")" \
		bs=1 seek=20 conv=notrunc 2> "$tmp/dd"
	fails ne-emu eif build --image "$tmp/dir" -o "$tmp/bad.eif" 2> "$tmp/told"
	cat "$tmp/told"
	grep "its contents have the hash" "$tmp/told"
	[ ! -e "$tmp/bad.eif" ]
}

jq -n --arg busybox "$(command -v busybox)" '{
	config: {Entrypoint: ["/bin/busybox", "echo", "a program ran"]},
	files: [{path: "bin"}, {path: "bin/busybox", copy: $busybox, mode: "755"}]}' |
	python3 "$here/lib/layout.py" "$layout"
check_each layout_is_built archive_of_layout docker_archive docker_directory standard_input \
	a_damaged_layer_is_refused
finish
