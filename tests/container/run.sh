#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# "ne-emu run" of container images: all the ways to name one, the options that change it, the
# cache, names and --rm.
#
# Once: how an image is found, built and kept does not depend on the kernel.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3 jq skopeo docker-registry busybox
need_host 160
need_daemon

XDG_CACHE_HOME=$tmp/cache
export XDG_CACHE_HOME
layout=$tmp/layout
registry=

# An image whose program prints what it was given.
make_image() {
	mkdir -p "$tmp/root/bin"
	cp "$(command -v busybox)" "$tmp/root/bin/busybox"
	ln -sf busybox "$tmp/root/bin/sh"
	cat > "$tmp/root/show" <<-'END'
	#!/bin/sh
	echo "arguments=$*"
	echo "greeting=$GREETING"
	echo "ids=$(busybox id -u):$(busybox id -g) directory=$(busybox pwd)"
	[ ! -e /added ] || echo "added=$(busybox cat /added/file)"
	END
	chmod 755 "$tmp/root/show"
	jq -n --rawfile show "$tmp/root/show" --arg busybox "$tmp/root/bin/busybox" '{
		config: {Entrypoint: ["/show"], Cmd: ["from", "image"],
			 Env: ["GREETING=hello", "PATH=/bin"]},
		files: [{path: "bin"}, {path: "bin/busybox", copy: $busybox, mode: "755"},
			{path: "bin/sh", link: "busybox"},
			{path: "show", text: $show, mode: "755"}]}' |
		python3 "$here/lib/layout.py" "$layout"
}

# start OPTION... IMAGE [COMMAND...] - run it to its end: the console to $tmp/console, the rest to
# $tmp/told
start() {
	ne-emu run --memory 256 --debug --console "$@" > "$tmp/console" 2> "$tmp/told" || {
		cat "$tmp/console" "$tmp/told"
		return 1
	}
}

# printed TEXT - has the program printed this line?
printed() {
	tr -d '\r' < "$tmp/console" | grep -xF "$1" > /dev/null || {
		cat "$tmp/console" "$tmp/told"
		return 1
	}
}

layout_is_built_and_kept() {
	start "$layout"
	printed "arguments=from image"
	printed "greeting=hello"
	printed "ids=0:0 directory=/"
	grep -E '^image: .*, built in' "$tmp/told"
	ne-emu images --json | jq -e 'length == 1 and .[0].Source == "'"$layout"'"'
	pcr0=$(sed -n 's/^PCR0 //p' "$tmp/told")
	ne-emu images --json | jq -e '.[0].Measurements.PCR0 == "'"$pcr0"'"'
	ne-emu images | grep "^[0-9a-f]\{12\} .*MiB .*$(echo "$pcr0" | cut -c 1-12)"
	start "$layout"
	printed "arguments=from image"
	grep 'from the cache' "$tmp/told"
	[ "$pcr0" = "$(sed -n 's/^PCR0 //p' "$tmp/told")" ]
}

options_change_the_image() {
	mkdir -p "$tmp/add"
	echo one > "$tmp/add/file"
	start --env GREETING=bye --env MORE=x --user 7:8 --workdir /bin \
		--copy "$tmp/add:/added" "$layout" a 'b c'
	printed "arguments=a b c"
	printed "greeting=bye"
	printed "ids=7:8 directory=/bin"
	printed "added=one"
	grep 'built in' "$tmp/told"
	# A copied file that changes makes another image.
	echo two > "$tmp/add/file"
	start --copy "$tmp/add:/added" "$layout"
	printed "added=two"
	printed "arguments=from image"
	start --entrypoint /bin/busybox "$layout" echo another program
	printed "another program"
}

archives_and_standard_input() {
	skopeo copy -q "oci:$layout" "docker-archive:$tmp/docker.tar:app:1"
	skopeo copy -q "oci:$layout" "oci-archive:$tmp/oci.tar"
	skopeo copy -q "oci:$layout" "dir:$tmp/dir"
	start "$tmp/docker.tar"
	printed "arguments=from image"
	ne-emu run --memory 256 --debug --console - < "$tmp/docker.tar" > "$tmp/console" \
		2> "$tmp/told"
	printed "arguments=from image"
	# The same bytes, whatever they are called.
	grep 'from the cache' "$tmp/told"
	cp "$tmp/docker.tar" "$tmp/copy.tar"
	start "$tmp/copy.tar"
	grep 'from the cache' "$tmp/told"
	for image in oci.tar dir; do
		start "$tmp/$image"
		printed "arguments=from image"
	done
}

rootfs() {
	start --rootfs "$tmp/root" /show x
	printed "arguments=x"
	start --rootfs "$tmp/root" /show x
	grep 'from the cache' "$tmp/told"
	sed -i 's/arguments/words/' "$tmp/root/show"
	start --rootfs "$tmp/root" /show x
	printed "words=x"
	grep 'built in' "$tmp/told"
}

start_registry() {
	cat > "$tmp/registry.yml" <<-END
	version: 0.1
	storage: {filesystem: {rootdirectory: $tmp/registry}}
	http: {addr: 127.0.0.1:5000}
	END
	docker-registry serve "$tmp/registry.yml" > "$tmp/registry.log" 2>&1 &
	registry=$!
	mkdir -p /etc/containers
	printf '[[registry]]\nlocation = "127.0.0.1:5000"\ninsecure = true\n' \
		> /etc/containers/registries.conf
	wait_for 20 skopeo copy -q "oci:$layout" docker://127.0.0.1:5000/app:1
}

names() {
	start_registry
	start docker://127.0.0.1:5000/app:1
	printed "arguments=from image"
	start docker://127.0.0.1:5000/app:1
	grep 'from the cache' "$tmp/told"
	kill "$registry"
	skopeo copy -q "oci:$layout" containers-storage:localhost/app:2
	start localhost/app:2
	printed "arguments=from image"
	fails start no-such-image > "$tmp/out"
	grep 'neither a file nor an image of podman or docker' "$tmp/out"
	fails start ./no-such-image > "$tmp/out"
	grep 'No such file' "$tmp/out"
}

eif_takes_no_command() {
	fails start "$image" /bin/true > "$tmp/out"
	grep 'whose command is fixed: "/bin/true" is not an option' "$tmp/out"
	fails start --env A=1 "$image" > "$tmp/out"
	grep 'in which command, environment, user and files are fixed' "$tmp/out"
	# Options may follow it.
	ne-emu run "$image" --memory 256 --detach --name after
	ne-emu stop after
	wait_for 10 no_vmm
	ne-emu run --memory 256 --detach --name input - < "$image"
	ne-emu stop input
	wait_for 10 no_vmm
}

named() {
	ne-emu run --memory 256 --debug --detach --name web "$image"
	ne-emu ps --json | jq -e '.[0].Name == "web"'
	fails ne-emu run --memory 256 --name web "$image" 2> "$tmp/out"
	grep 'name "web" is running' "$tmp/out"
	fails ne-emu run --memory 256 --name 16 "$image" 2> "$tmp/out"
	grep 'begin with a letter' "$tmp/out"
	ne-emu lab show web > /dev/null
	ne-emu stop web
	wait_for 10 no_vmm
	ne-emu logs web > /dev/null
	ne-emu logs --list --json | jq -e '.[0].Name == "web"'
}

# A number of logs would not do: the oldest go when there are many.
removed() {
	id=$(ne-emu run --memory 256 --debug --detach --rm --json "$image" | jq -r .EnclaveID)
	ne-emu logs "$id" > /dev/null
	ne-emu stop "$id"
	wait_for 10 has_no_log "$id"
	start --rm "$layout"
	id=$(sed -n 's/.*\(enc[0-9a-f]\{16\}\) .*/\1/p' "$tmp/told" | head -n 1)
	[ -n "$id" ]
	has_no_log "$id"
}

has_no_log() {
	fails ne-emu logs "$1"
}

pruned() {
	count=$(ne-emu images --json | jq length)
	[ "$count" -gt 3 ]
	ne-emu images --prune --unused 1 | grep '^0 images'
	ne-emu images --prune | grep "^$count images removed"
	ne-emu images --json | jq -e 'length == 0'
	[ "$(find "$XDG_CACHE_HOME" -type f | wc -l)" = 0 ]
	start --no-cache "$layout"
	[ "$(find "$XDG_CACHE_HOME" -type f | wc -l)" = 0 ]
}

make_image
check_each layout_is_built_and_kept options_change_the_image archives_and_standard_input rootfs \
	names named removed pruned eif_takes_no_command
# What a failed case has left must not keep other programs from running.
ne-emu stop --all > /dev/null 2>&1 || :
finish
