# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For commands.sh: replacements for commands of the documentation that cannot run unchanged
# on a machine without network and terminal.

: "${here:?}" "${tmp:?}" # of commands.sh

# The tests run as root.
sudo() {
	"$@"
}

# Packages and this project are installed.
apt-get() {
	:
}

make() {
	:
}

# An image with layers.
docker() {
	[ "$*" = "save app:1" ]
	python3 "$here/docs/container.py" app:1
}

# These run as long as the enclave.
ne-emu() {
	case "$*" in
	"eif diff"*) command ne-emu "$@" || [ $? = 1 ] ;;	# they differ
	*--detach* | run\ *app.tar*) command ne-emu "$@" ;;
	gdb\ *) command ne-emu "$@" --batch < /dev/null ;;
	exec\ *) command ne-emu "$@" < /dev/null || [ $? = 127 ] ;;	# no shell in the sample
	pcap\ * | port-forward\ * | trace\ *) timeout --preserve-status --signal=INT 3 ne-emu "$@" ;;
	run\ * | console*) until_ready ne-emu "$@" ;;
	*) command ne-emu "$@" ;;
	esac
}

# Takes a capture on standard input.
wireshark() {
	[ "$*" = "-k -i -" ]
	[ "$(head -c 4 | od -An -tx4)" = " a1b23c4d" ]
	cat > /dev/null
}

qemu-system-x86_64() {
	until_ready qemu-system-x86_64 "$@"
}

nitro-cli() {
	type -P nitro-cli > /dev/null || return 0
	command nitro-cli "$@"
	command nitro-cli terminate-enclave --all
}

# until_ready COMMAND... - run it until the sample image's program reports ready on the console
until_ready() {
	local pid

	timeout 60 "$@" > "$tmp/console" 2>&1 < /dev/null &
	pid=$!
	until grep -a -q 'payload: ready' "$tmp/console"; do
		kill -0 $pid || {
			cat "$tmp/console"
			return 1
		}
		sleep 0.1
	done
	kill $pid
	wait $pid || :
}
