#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a Debian root in the cache and prints its path.
#
# usage: mkroot.sh build   a folder: toolchain, kernels with headers, QEMU
#        mkroot.sh tools   a folder: compilers of other people's tools
#        mkroot.sh fuzz    a folder: clang with its fuzzer
#        mkroot.sh deb     a folder: what builds and checks packages, kernel headers
#        mkroot.sh vm      a tar file: what the VM boots, without kernels
#
# The mirror is the one the host's apt uses for Debian, else mmdebstrap's own.

set -eu
. "$(dirname "$0")/lib.sh"

suite=trixie

# The host's Debian mirror, empty when the host is no Debian.
host_mirror() {
	command -v apt-get >/dev/null || return 0
	# shellcheck disable=SC2016 # expanded by apt
	apt-get indextargets --format '$(REPO_URI) $(LABEL)' \
		'Created-By: Packages' 2>/dev/null |
		awk '$2 == "Debian" { print $1; exit }'
}

# How the host's apt reaches its mirror: proxies and the like.
host_apt_options() {
	command -v apt-config >/dev/null || return 0
	apt-config dump | grep -E '^Acquire::(https?::Proxy|Retries|Check-)' |
		grep -v '""' || true
}

need_mmdebstrap() {
	command -v mmdebstrap >/dev/null && return 0
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		say "installing mmdebstrap"
		apt-get update -qq >&2
		DEBIAN_FRONTEND=noninteractive std_descriptors apt-get install -y -qq \
			--no-install-recommends mmdebstrap >&2
		return 0
	fi
	die "mmdebstrap is missing: install the package mmdebstrap" \
		"(and uidmap, when you are not root)"
}

# Debian's newest cloud kernel of each series, with headers. The initramfs that
# its installation would make is never used (see initrd.sh).
kernel_hook() {
	cat <<'HOOK'
set -eu
root=$1 kernels=$2 packages=
mkdir -p "$root/etc/initramfs-tools"
echo update_initramfs=no > "$root/etc/initramfs-tools/update-initramfs.conf"
while read -r series; do
	name=$(chroot "$root" apt-cache pkgnames "linux-image-$series." |
		grep -x 'linux-image-[^-]*-cloud-amd64' | sort -V | tail -n 1)
	[ -n "$name" ] || {
		echo "the mirror has no cloud kernel $series" >&2
		exit 1
	}
	echo "$series ${name#linux-image-}" >> "$root/usr/share/ne-emu-kernels"
	packages="$packages $name linux-headers-${name#linux-image-}"
done < "$kernels"
chroot "$root" env INITRD=No DEBIAN_FRONTEND=noninteractive apt-get install \
	-y -q --no-install-recommends -o Dpkg::Options::=--force-confold $packages
HOOK
}

# Headers of the kernels that the build root has.
headers_hook() {
	cat <<'HOOK'
set -eu
root=$1 kernels=$2
# shellcheck disable=SC2046 # names
chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install \
	-y -q --no-install-recommends -o Dpkg::Options::=--force-confold \
	$(sed 's/^[^ ]* /linux-headers-/' "$kernels")
cp "$kernels" "$root/usr/share/ne-emu-kernels"
HOOK
}

# Unpacked below the name linux-source, so that nothing else has to know the series.
# Sources only: the manuals and other architectures' code are never read here.
source_hook() {
	cat <<'HOOK'
set -eu
cd "$1/usr/src"
tar -xf "$2.tar.xz" \
	--exclude="$2/drivers/gpu/drm/amd/include/*/*" \
	--exclude="$2/Documentation/devicetree/bindings"
rm "$2.tar.xz"
ln -s "$2" linux-source
HOOK
}

backports_hook() {
	cat <<'HOOK'
set -eu
cd "$1/etc/apt"
sed -n "s/ $2 / $2-backports /p" sources.list > sources.list.d/backports.list
HOOK
}

# From backports: QEMU with its firmware, and what the newest kernel wants.
backports_pin() {
	cat <<-PIN
	Package: src:qemu src:seabios src:ipxe src:linux-base
	Pin: release n=$suite-backports
	Pin-Priority: 990
	PIN
}

# bootstrap PACKAGES HOOK_ARGUMENTS... > tar
#
# PACKAGES is a list, one a line.
# Without device nodes, which ordinary users cannot unpack; /dev is mounted.
bootstrap() {
	packages=$1
	shift
	mirror=$(host_mirror)
	include=$(echo "$packages" | sed "s,/backports,/$suite-backports," |
		paste -s -d ,)
	host_apt_options > "$tmp/apt.conf"
	backports_hook > "$tmp/backports.sh"
	backports_pin > "$tmp/preferences"
	std_descriptors mmdebstrap --variant=apt --include="$include" \
		--aptopt="$tmp/apt.conf" \
		--aptopt='Apt::Install-Recommends "false"' \
		--dpkgopt=force-unsafe-io \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--skip=output/dev \
		--setup-hook="sh $tmp/backports.sh \"\$1\" $suite" \
		--setup-hook="copy-in $tmp/preferences /etc/apt/" \
		"$@" "$suite" - ${mirror:+"$mirror"}
}

# make_folder PACKAGES HOOK_ARGUMENTS...
make_folder() {
	mkdir "$out.part"
	bootstrap "$@" | ns tar -C "$out.part" -x --numeric-owner -f -
	[ -e "$out.part/usr/bin/env" ] || die "no $kind root"
}

make_build() {
	kernel_hook > "$tmp/kernels.sh"
	source_hook > "$tmp/source.sh"
	list "$vm_dir/kernels" > "$tmp/kernels"
	make_folder "$(list "$vm_dir/build.packages" && echo "$source_package")" \
		--customize-hook="sh $tmp/kernels.sh \"\$1\" $tmp/kernels" \
		--customize-hook="sh $tmp/source.sh \"\$1\" $source_package"
	[ -e "$out.part/usr/share/ne-emu-kernels" ] || die "no build root"
}

make_tools() {
	make_folder "$(list "$vm_dir/tools.packages")"
}

make_fuzz() {
	make_folder "$(list "$vm_dir/fuzz.packages")"
}

make_deb() {
	headers_hook > "$tmp/headers.sh"
	cp "$kernels" "$tmp/kernels"
	make_folder "$(list "$vm_dir/deb.packages")" \
		--customize-hook="sh $tmp/headers.sh \"\$1\" $tmp/kernels"
}

make_vm() {
	bootstrap "$(list "$vm_dir/vm.packages")" > "$out.part"
}

kind=${1-}
case $kind in
build) lists="$vm_dir/build.packages $vm_dir/kernels" ;;
tools | fuzz | vm) lists=$vm_dir/$kind.packages ;;
deb)
	kernels=$("$0" build)/usr/share/ne-emu-kernels
	lists="$vm_dir/deb.packages $kernels"
	;;
*) die "usage: mkroot.sh build|tools|fuzz|deb|vm" ;;
esac

# shellcheck disable=SC2086 # two names
key=$({ cat "$0" && list $lists; } | hash -)
out=$cache/root-$kind-$key
if [ ! -e "$out" ]; then
	lock "root-$kind"
fi
if [ ! -e "$out" ]; then
	need_mmdebstrap
	tmp=$(mktemp -d)
	chmod 755 "$tmp" # read by hooks in a user namespace, too
	trap 'rm -rf "$tmp"; ns rm -rf "$out.part"' EXIT
	ns rm -rf "$out.part"
	say "making the $kind root, some minutes: $out"
	"make_$kind"
	mv "$out.part" "$out"
	drop_old "root-$kind-" "${out##*/}"
fi
touch -c "$out"
echo "$out"
