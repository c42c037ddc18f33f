#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests with AWS's library and prints a table. Runs in the build root.
#
# usage: run.sh DIRECTORY... (see tests/eif/peer.sh)

set -eu

out=$PWD/build/check/userspace
make -s -j "$(nproc)" -C userspace O="$out" WERROR=1
rm -f "$out/interop.table"
cat > "$out/interop" <<END
#!/bin/sh
exec python3 "$PWD/tests/eif/interop.py" "$out/ne-emu" "$out/interop.table" $*
END
chmod +x "$out/interop"
tests/lib/run-each.sh eif 300 "$out/interop"
cat "$out/interop.table"
