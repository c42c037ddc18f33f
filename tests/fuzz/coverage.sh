#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the lines and branches of each file that the inputs of the fuzz targets reach.
#
# usage: coverage.sh [DIRECTORY]
#
# DIRECTORY, inside this tree, holds further inputs in directories with the targets' names,
# like build/fuzz after "make fuzz". Code that does not read input, above all code that
# writes, is not reached and need not be.

set -eu
# shellcheck source=../../scripts/root/lib.sh
. "$(dirname "$0")/../../scripts/root/lib.sh"

mkdir -p "$top/build/coverage"
# shellcheck disable=SC2016 # expanded by the inner shell
exec "$root_dir/enter.sh" --root fuzz sh -eu -c '
	out=$PWD/build/coverage
	rm -rf "$out/raw"
	make -s -j 2 -C tests/fuzz O="$out" coverage
	set -- "$@" tests/fuzz/corpus
	objects=
	for corpus in tests/fuzz/corpus/*; do
		target=${corpus##*/}
		objects="$objects ${objects:+-object} $out/fuzz/fuzz_$target"
		for folder; do
			[ ! -d "$folder/$target" ] ||
				LLVM_PROFILE_FILE="$out/raw/$target-%p" \
					"$out/fuzz/fuzz_$target" "$folder/$target" > "$out/log"
		done
	done
	llvm-profdata merge -o "$out/all" "$out"/raw/*
	llvm-cov report -instr-profile "$out/all" -show-branch-summary \
		-show-region-summary=false $objects userspace/eif userspace/pack \
		userspace/cose userspace/nsm userspace/vmm/loader.c userspace/vmm/reserved.c \
		userspace/vmm/arch userspace/vmm/virtio userspace/vmm/console.c \
		userspace/vmm/console_service.c userspace/daemon/control.c \
		userspace/daemon/control_answer.c userspace/common/nl_parse.c
' - "$@"
