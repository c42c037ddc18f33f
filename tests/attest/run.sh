#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Passes attestation documents to third-party verifiers, and requests to AWS's decoder. Runs
# in the build root.
#
# usage: run.sh GO RUST NSM_API EC2 (the output of ask_for_peer in tests/lib/peer.sh)

set -eu

go=$1 rust=$2 api=$3 ec2=$4
out=$PWD/build/vm/asan
dir=$out/attest
export go rust api ec2 out dir
make -s -j "$(nproc)" -C tests/unit O="$out" WERROR=1 TESTS=
make -s -j "$(nproc)" -C userspace O="$PWD/build/check/userspace" WERROR=1
rm -rf "$dir"
mkdir -p "$dir/documents"
# Pass the arguments through the environment, because a reason may contain any character.
cat > "$dir/peers" <<'END'
#!/bin/sh
"$out/unit/make-documents" "$dir/documents" &&
	exec python3 -B tests/attest/peers.py "$dir/documents" \
		build/check/userspace/ne-emu "$go" "$rust" "$ec2"
END
cat > "$dir/requests" <<'END'
#!/bin/sh
exec python3 -B tests/attest/requests.py "$out/unit/decode-requests" "$api"
END
chmod +x "$dir/peers" "$dir/requests"
tests/lib/run-each.sh attest 300 "$dir/peers" "$dir/requests"
