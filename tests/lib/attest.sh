#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Gives attestation documents to verifiers of others, and requests to AWS's decoder. Runs
# in the build root.
#
# usage: attest.sh GO RUST NSM_API EC2 (folders that tests/attest/peer.sh prints, or "-")

set -eu

out=$PWD/build/vm/asan
dir=$out/attest
make -s -j "$(nproc)" -C tests/unit O="$out" WERROR=1 TESTS=
make -s -j "$(nproc)" -C userspace O="$PWD/build/check/userspace" WERROR=1
rm -rf "$dir"
mkdir -p "$dir/documents"
cat > "$dir/peers" <<END
#!/bin/sh
"$out/unit/make-documents" "$dir/documents" &&
	exec python3 "$PWD/tests/attest/peers.py" "$dir/documents" \
		"$PWD/build/check/userspace/ne-emu" "$1" "$2" "$4"
END
cat > "$dir/requests" <<END
#!/bin/sh
exec python3 "$PWD/tests/attest/requests.py" "$out/unit/decode-requests" "$3"
END
chmod +x "$dir/peers" "$dir/requests"
tests/lib/run-each.sh attest 300 "$dir/peers" "$dir/requests"
