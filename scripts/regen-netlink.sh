#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Regenerate the netlink policy files from Documentation/netlink/specs/ne-emu.yaml
# with the generator of a kernel source tree (Debian: linux-source-*).
#
# usage: regen-netlink.sh KERNEL_SOURCE [OUTPUT_ROOT]
set -eu

ksrc=${1:?usage: regen-netlink.sh KERNEL_SOURCE [OUTPUT_ROOT]}
top=$(cd "$(dirname "$0")/.." && pwd)
out=${2:-$top}
gen=$ksrc/tools/net/ynl/ynl-gen-c.py
[ -f "$gen" ] || { echo "regen-netlink: no generator at $gen" >&2; exit 1; }

# The generator wants the schemas in the directory above specs/ and a file called
# MAINTAINERS in an ancestor, so it works in a scratch tree.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/Documentation/netlink/specs"
: > "$work/MAINTAINERS"
cp "$ksrc"/Documentation/netlink/*.yaml "$work/Documentation/netlink/"
cp "$top/Documentation/netlink/specs/ne-emu.yaml" "$work/Documentation/netlink/specs/"

generate()
{
	mkdir -p "$(dirname "$out/$3")"
	(cd "$work" && python3 "$gen" --mode "$1" "$2" -o "$(basename "$3")" \
		--spec Documentation/netlink/specs/ne-emu.yaml)
	cp "$work/$(basename "$3")" "$out/$3"
}

generate uapi --header include/uapi/linux/ne_emu_netlink.h
generate kernel --header driver/enclave/genl.h
generate kernel --source driver/enclave/genl.c

# The description of a multicast group cannot ask for a capability (6.12 and 7.3).
sed -i 's/{ "backend", }/{ "backend", .flags = GENL_MCAST_CAP_SYS_ADMIN, }/' \
	"$out/driver/enclave/genl.c"
