#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Checks the sources without running them. TAP on stdout; runs in the build root.

set -u
# shellcheck source=../lib/case.sh
. "$(dirname "$0")/../lib/case.sh"

kernel=/usr/src/linux-source
work=$(mktemp -d)
# checkpatch leaves a list of names in the current directory.
trap 'rm -rf "$work" .checkpatch-camelcase.*' EXIT
# Print the files of the project, also without a git repository.
find . -path ./build -prune -o -path ./compile_commands.json -prune -o -path ./.git -prune -o -type f -print |
	sed 's,^\./,,' | sort > "$work/files"

files() {
	grep -E "$1" "$work/files"
}

scripts() {
	files '\.sh$|^\.ci/|/initramfs/init$|/sbin/ne-emu-' |
		while read -r file; do
			head -n 1 "$file" | grep -qE '^#!.*sh|^# shellcheck' &&
				echo "$file"
		done
}

no_warnings_in_scripts() {
	# shellcheck disable=SC2046 # names without blanks
	shellcheck $(scripts)
}

# checkpatch OPTION... - check the files on stdin, on all CPUs: it is slow
checkpatch() {
	xargs -P "$(nproc)" -n 20 "$kernel/scripts/checkpatch.pl" --no-tree --strict --quiet \
		--no-summary "$@" -f 2> "$work/checkpatch"
	status=$?
	# It looks for git, which it does not need here.
	grep -v 'git: not found' "$work/checkpatch" >&2
	return "$status"
}

kernel_style() {
	# The generator is responsible for the generated files.
	files '^driver/([^/]*/[^/]*\.[ch]|Kconfig)$|^include/uapi/linux/nitro.*\.h$' |
		grep -v '/genl\.' | checkpatch --ignore \
		FILE_PATH_CHANGES,LINUX_VERSION_CODE,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT
}

# The layout of the rest is that of the kernel, too.
layout() {
	files '^(userspace|tests|image)/.*\.[ch]$' |
		checkpatch --terse --show-types --max-line-length=100 \
			--types "$(grep '^[A-Z]' tests/style/layout.types | paste -sd , -)"
}

licence_of_each_file() {
	while read -r file; do
		case $file in
		LICENSES/* | COPYING | VERSION | README.md | *.md | .gitignore | \
			*/corpus/* | */go.sum | debian/changelog | debian/copyright | \
			debian/source/format | debian/*.dkms | scripts/root/kernels | image/cmdline) continue ;;
		esac
		# REUSE-IgnoreStart
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: ' ||
		# REUSE-IgnoreEnd
			echo "$file: no licence in its first lines"
	done < "$work/files" > "$work/found"
	cat "$work/found"
	[ ! -s "$work/found" ]
}

kernel_versions_only_in_compat() {
	! files '^driver/.*\.[ch]$' | grep -v '/compat\.h$' |
		xargs grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION\('
}

netlink_files_are_generated() {
	mkdir "$work/gen"
	scripts/regen-netlink.sh "$kernel" "$work/gen" &&
		for file in include/uapi/linux/ne_emu_netlink.h driver/enclave/genl.[ch]; do
			diff -u "$file" "$work/gen/$file" || return 1
		done
}

syzkaller_constants_are_the_headers() {
	tests/syzkaller/consts.sh | diff -u tests/syzkaller/ne_emu.txt.const -
}

manuals_are_valid() {
	for page in Documentation/man/*.scd; do
		scdoc < "$page" > /dev/null || return 1
	done
}

spelling() {
	files '\.(md|rst|scd|yaml|h)$' | xargs codespell --quiet-level 3
}

# The steps of the workflow are executed in the VM.
examples_are_valid() {
	python3 -c '
import sys, yaml
workflow = yaml.safe_load(open(sys.argv[1]))
for job in workflow["jobs"].values():
    assert job["runs-on"] and all("run" in s or "uses" in s for s in job["steps"])
' Documentation/examples/github-workflow.yml
}

tables_are_well_formed() {
	tests/style/tables.py
}

quoted_messages_exist() {
	tests/style/messages.py
}

doctor_ids_are_explained() {
	tests/style/doctor_ids.py
}

paths_in_pages_exist() {
	tests/style/paths.py
}

english_is_plain() {
	tests/style/test_phrases.py && tests/style/phrases.py
}

versions_in_packaging_are_the_projects() {
	{
		# shellcheck disable=SC2016 # expanded by the inner shell
		bash -c '. ./dkms.conf && echo "$PACKAGE_VERSION dkms.conf"'
		sed -n 's/^Version: *\(.*\)/\1 spec/p' packaging/rpm/*.spec
	} | grep -v "^$(cat VERSION) "
	[ $? = 1 ]
}

begin style/sources
check_each no_warnings_in_scripts kernel_style layout licence_of_each_file \
	kernel_versions_only_in_compat netlink_files_are_generated \
	syzkaller_constants_are_the_headers manuals_are_valid spelling \
	tables_are_well_formed paths_in_pages_exist quoted_messages_exist \
	doctor_ids_are_explained english_is_plain \
	examples_are_valid versions_in_packaging_are_the_projects
finish
