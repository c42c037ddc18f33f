#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# "make demo": an enclave in the VM, from loading the module to the end of the enclave.

set -eu

image=/usr/share/ne-emu/sample.eif

say() {
	printf '\n### %s\n' "$*"
}

# Print a command as typed, then run it.
show() {
	printf '# %s\n' "$*"
	eval "$*"
}

printf 'Parent: Debian %s, Linux %s, %s CPUs\n' \
	"$(cat /etc/debian_version)" "$(uname -r)" "$(nproc)"

say "Load the driver. udev and systemd start the supervisor."
show modprobe nitro_enclaves_emu
for _ in $(seq 600); do
	systemctl -q is-active ne-emud.service && break
	sleep 0.1
done
show ls -l /dev/nitro_enclaves
show systemctl is-active ne-emud.service

say "Give CPUs and huge pages to enclaves, and check the setup."
show ne-emu setup --cpus 2 --memory 512
show ne-emu doctor

say "An image as nitro-cli would build it: kernel, command line, two ramdisks."
show ne-emu eif describe $image

say "Run it in debug mode, with its console from the first line of its kernel."
printf '# %s\n' "ne-emu run --cpus 2 --memory 256 --debug --console $image &"
ne-emu run --cpus 2 --memory 256 --debug --console $image > /tmp/console 2>&1 &
launcher=$!
tail -f -n +1 --pid=$launcher /tmp/console | sed -u 's/^/  | /' &
until grep -qs 'payload: ready' /tmp/console || ! kill -0 $launcher 2>/dev/null; do
	sleep 0.2
done
sleep 1

say "It runs:"
show ne-emu ps
cid=$(ne-emu ps --json | jq '.[0].EnclaveCID')

say "Parent to enclave: its echo service is at vsock address $cid:5005."
show "echo 'hello enclave $cid' | socat -t 5 - VSOCK-CONNECT:$cid:5005"

say "Enclave to parent: ask it to call CID 3, port 7777, where socat listens."
printf '# %s\n' "socat -u VSOCK-LISTEN:7777 - &"
socat -u VSOCK-LISTEN:7777 - &
listener=$!
sleep 1
show "echo 7777 | socat -t 5 - VSOCK-CONNECT:$cid:5006"
wait $listener

say "It attests: a document with the parent's nonce, checked under this host's root."
show "python3 /opt/ne-emu/lifecycle/lib/nsm_ask.py -o /tmp/document $cid Attestation nonce=0x0102"
show "ls -l /tmp/document"
show "ne-emu attest verify --allow-debug --nonce 0102 /tmp/document"

say "Stop it."
show ne-emu stop --all
wait $launcher || true
show ne-emu ps
show ne-emu logs --list
say "Its CPUs and memory are free again:"
show "grep HugePages_ /proc/meminfo"
