#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The part of accel.sh that runs in the build root: succeeds if nested KVM works.
#
# usage: accel-root.sh VMLINUZ INITRD

set -eu

vmlinuz=$1 initrd=$2
here=$(cd "$(dirname "$0")" && pwd)
release=${vmlinuz##*/vmlinuz-}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# A second archive after the VM's initramfs replaces init by one that only runs the probe.
mkdir -p "$tmp/root/probe"
gcc -O2 -static -o "$tmp/root/probe/kvm-probe" "$here/kvm-probe.c"
for module in kvm_intel kvm_amd; do
	modprobe -S "$release" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
	while read -r file; do
		name=$(basename "$file" .xz)
		xz -dc "$file" > "$tmp/root/probe/$name"
		echo "$name"
	done > "$tmp/root/probe/order"
cat > "$tmp/root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mkdir -p /dev
/bin/busybox mount -t devtmpfs devtmpfs /dev
while read -r module; do
	/bin/busybox insmod "/probe/$module" 2> /dev/null
done < /probe/order
/probe/kvm-probe > /dev/ttyS0 2>&1
/bin/busybox poweroff -f
INIT
chmod +x "$tmp/root/init"
{
	cat "$initrd"
	(cd "$tmp/root" && find . | cpio --quiet -o -H newc) | gzip -1
} > "$tmp/initrd"

timeout 30 qemu-system-x86_64 -accel kvm -cpu host -smp 2 -m 512 -nodefaults \
	-no-user-config -display none -no-reboot -serial "file:$tmp/log" \
	-kernel "$vmlinuz" -initrd "$tmp/initrd" \
	-append "console=ttyS0 quiet panic=-1"
cat "$tmp/log"
grep -q 'nested guest ran' "$tmp/log"
