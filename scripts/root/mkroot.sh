#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a Debian root in the cache and prints its path.
#
# usage: mkroot.sh build   a directory: toolchain, kernels with headers, QEMU
#        mkroot.sh tools   a directory: compilers for third-party programs
#        mkroot.sh fuzz    a directory: LLVM and static analyzers
#        mkroot.sh deb     a directory: tools to build and check packages, kernel headers
#        mkroot.sh vm      a tar file: the system that the VM boots, without kernels
#
# The mirror is that of the host's apt for Debian, or else the default of mmdebstrap.

set -eu
. "$(dirname "$0")/lib.sh"

suite=trixie

# Print the host's Debian mirror; print nothing if the host does not run Debian.
host_mirror() {
	command -v apt-get >/dev/null || return 0
	# shellcheck disable=SC2016 # expanded by apt
	apt-get indextargets --format '$(REPO_URI) $(LABEL)' \
		'Created-By: Packages' 2>/dev/null |
		awk '$2 == "Debian" { print $1; exit }'
}

# Print the options with which the host's apt reaches its mirror, such as proxies.
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
# its installation would create is not used (see initrd.sh).
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

# Headers of the kernels in the build root.
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

# Unpacked as linux-source, so that other scripts do not depend on the series. Without
# the documentation and the code of other architectures, which no test reads.
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

# From backports: QEMU with its firmware, and what the newest kernel depends on.
backports_pin() {
	cat <<-PIN
	Package: src:qemu src:seabios src:ipxe src:linux-base
	Pin: release n=$suite-backports
	Pin-Priority: 990
	PIN
}

# bootstrap PACKAGES HOOK_ARGUMENTS... > tar
#
# PACKAGES has one package per line. The tar has no device nodes, because ordinary users
# cannot unpack them; /dev is mounted instead.
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

# make_directory PACKAGES HOOK_ARGUMENTS...
make_directory() {
	mkdir "$out.part"
	bootstrap "$@" | ns tar -C "$out.part" -x --numeric-owner -f -
	[ -e "$out.part/usr/bin/env" ] || die "no $kind root"
}

make_build() {
	kernel_hook > "$tmp/kernels.sh"
	source_hook > "$tmp/source.sh"
	list "$root_dir/kernels" > "$tmp/kernels"
	make_directory "$(list "$root_dir/build.packages" && echo "$source_package")" \
		--customize-hook="sh $tmp/kernels.sh \"\$1\" $tmp/kernels" \
		--customize-hook="sh $tmp/source.sh \"\$1\" $source_package"
	[ -e "$out.part/usr/share/ne-emu-kernels" ] || die "no build root"
}

make_tools() {
	make_directory "$(list "$root_dir/tools.packages")"
}

make_fuzz() {
	make_directory "$(list "$root_dir/fuzz.packages")"
}

make_deb() {
	headers_hook > "$tmp/headers.sh"
	cp "$kernels" "$tmp/kernels"
	make_directory "$(list "$root_dir/deb.packages")" \
		--customize-hook="sh $tmp/headers.sh \"\$1\" $tmp/kernels"
}

make_vm() {
	bootstrap "$(list "$root_dir/vm.packages")" > "$out.part"
}

kind=${1-}
case $kind in
build) lists="$root_dir/build.packages $root_dir/kernels" ;;
tools | fuzz | vm) lists=$root_dir/$kind.packages ;;
deb)
	kernels=$("$0" build)/usr/share/ne-emu-kernels
	lists="$root_dir/deb.packages $kernels"
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
	chmod 755 "$tmp" # hooks in a user namespace read it, too
	trap 'rm -rf "$tmp"; ns rm -rf "$out.part"' EXIT
	ns rm -rf "$out.part"
	say "making the $kind root, some minutes: $out"
	"make_$kind"
	mv "$out.part" "$out"
	drop_old "root-$kind-" "${out##*/}"
fi
touch -c "$out"
echo "$out"
