#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Container images as archives and directories: what ne-emu makes of them, compared with umoci
# and skopeo. Runs in the build root.

set -eu

out=$PWD/build/check/userspace
make -s -j "$(nproc)" -C userspace O="$out" WERROR=1
for name in layers forms; do
	cat > "$out/$name" <<-END
	#!/bin/sh
	exec python3 -B "$PWD/tests/unit/$name.py" "$out/ne-emu" "$out/guest/init"
	END
	chmod +x "$out/$name"
	tests/lib/run-each.sh unit 300 "$out/$name"
done
