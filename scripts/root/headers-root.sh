#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The part of headers.sh that runs in the build root.
#
# usage: headers-root.sh DIRECTORY DESTINATION
#
# Unpacks headers of Debian's cloud kernels into DIRECTORY, which the caller then moves to
# DESTINATION. Of each series that dkms.conf accepts it takes the oldest and the newest
# kernel on the mirror, except for those in the root. For a series that is not on the mirror
# it changes headers of a neighbouring series: they get the interfaces of the missing one, as
# far as driver/*/compat.h knows them.

set -eu

out=$1 place=$2
src=$out/usr/src
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# apt_ get|cache ARGUMENT... - run apt with separate archives and directories
apt_() {
	tool=apt-$1
	shift
	"$tool" -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- \
		-o Dir::State::Lists="$work/lists" -o Dir::Cache="$work" \
		-o APT::Sandbox::User=root "$@"
}

archives() {
	mkdir -p "$work/lists/partial"
	for suite in bookworm-backports trixie trixie-backports; do
		sed -n "s/ trixie / $suite /p" /etc/apt/sources.list
	done > "$work/sources.list"
	apt_ get update
}

# Releases to fetch: a line each.
releases() {
	claim=$(sed -n 's/^BUILD_EXCLUSIVE_KERNEL="\(.*\)"/\1/p' dkms.conf)
	apt_ cache pkgnames linux-headers- |
		sed -n 's/^linux-headers-\([0-9].*-cloud-amd64\)$/\1/p' | sort -V |
		grep -E "$claim" | awk -F. '
			{ series = $1 "." $2 }
			series != last { if (NR > 1) print newest; print }
			{ last = series; newest = $0 }
			END { print newest }' | uniq | grep -vwF "$(cut -d ' ' -f 2 /usr/share/ne-emu-kernels)"
}

# The compiler is that of the root, and paths are those of the place.
unpack() {
	base=${1%-cloud-amd64}
	(cd "$work" && apt_ get download "linux-headers-$1" "linux-headers-$base-common" \
		"linux-kbuild-$base")
	for package in "$work"/*.deb; do
		dpkg -x "$package" "$out"
		rm "$package"
	done
	sed -i 's/gcc-[0-9]*$/gcc/' "$src/linux-headers-$1/.kernelvariables"
	sed -i "s,/usr/src/,$place&," "$src/linux-headers-$1/Makefile"
}

# as SERIES RELEASE SED HEADER... - headers of the release, changed into the series'
as() {
	name=as-$1 from=$2 script=$3
	shift 3
	cp -al "$src/linux-headers-${from%-cloud-amd64}-common" "$src/linux-headers-$name-common"
	cp -al "$src/linux-headers-$from" "$src/linux-headers-$name-cloud-amd64"
	sed -i "s/linux-headers-${from%-cloud-amd64}/linux-headers-$name/" \
		"$src/linux-headers-$name-cloud-amd64/Makefile"
	for header; do
		header=$src/linux-headers-$name-common/include/$header
		cp "$header" "$work/header"
		sed -i "$script" "$header"
		! cmp -s "$header" "$work/header" || {
			echo "$header is as it was" >&2
			exit 1
		}
	done
}

archives
mkdir -p "$out"
list=$(releases)
for release in $list; do
	unpack "$release"
done
old=$(echo "$list" | grep -m 1 '^6\.12\.')
new=$(echo "$list" | grep -m 1 '^7\.2\.')

# 6.12.0 to 6.12.67: payload is linear, its length is read from the packet's header, and
# what a socket has used of its buffer is not told apart from what waits in it.
as 6.12.0 "$old" \
	's/virtio_vsock_skb_put(struct sk_buff \*skb, u32 len)/virtio_vsock_skb_rx_put(struct sk_buff *skb)/
	s/skb->len = len/skb->len = 0/; s/skb_put(skb, len)/skb_put(skb, 0)/
	/buf_used;/d' \
	linux/virtio_vsock.h
# 6.13 to 6.16: KVM takes no references to frames without a reference count.
as 6.13 as-6.12.0-cloud-amd64 /kvm_pfn_to_refcounted_page/d linux/kvm_host.h
# 7.1: transports count sockets that wait to be accepted.
as 7.1 "$new" /vsock_pending_to_accept/d net/af_vsock.h
# 7.0: they claim no CIDs.
as 7.0 as-7.1-cloud-amd64 /has_remote_cid/d net/af_vsock.h
# 6.17 to 6.19: they know nothing of network namespaces.
as 6.17 as-7.0-cloud-amd64 's/\(allow)\{0,1\}(\)struct vsock_sock \*vsk, /\1/
	s/, struct net \*net)/)/' linux/virtio_vsock.h net/af_vsock.h
# Too old.
as 6.10 as-6.12.0-cloud-amd64 /virtio_transport_unsent_bytes/d linux/virtio_vsock.h
