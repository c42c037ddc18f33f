#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# The library of the scripts that make roots: its programs get only the standard
# descriptors, and it finds the source tree. TAP on stdout.

set -eu
# shellcheck source=../lib/case.sh
. "$(dirname "$0")/../lib/case.sh"
# shellcheck source=../../scripts/root/lib.sh
. "$(dirname "$0")/../../scripts/root/lib.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Print which of these are open; a shell may have additional ones.
cat > "$tmp/list" <<'END'
#!/bin/sh
for fd in 0 1 2 3 4 5 6 7 8 9 60 127; do
	[ ! -e "/proc/$$/fd/$fd" ] || printf '%s ' "$fd"
done
END
chmod +x "$tmp/list"

# with_open COMMAND... - run it with open files, directories and a pipe, at low and high
with_open() {
	bash -c '
		exec 3< /dev/null 4> /dev/null 5<> /dev/null 6< . 7< . 8> "$0" 9>> "$0"
		exec 60< <(:) 127< /dev/null
		exec "$@"' "$tmp/file" "$@"
}

# As a script in scripts/root does it; the arguments are unchanged.
in_script() {
	# shellcheck disable=SC2016 # expanded by the inner shells
	"$@" sh -c '. "$(dirname "$0")/lib.sh"
		std_descriptors sh -c '\''[ "$2" = "a  b" ] && exec "$1"'\'' - "$1" "a  b"' \
		"$root_dir/x.sh" "$tmp/list"
}

all_are_passed_on_otherwise() {
	[ "$(with_open "$tmp/list")" = "0 1 2 3 4 5 6 7 8 9 60 127 " ]
}

only_the_standard_ones_are_left() {
	[ "$(in_script with_open)" = "0 1 2 " ]
}

a_lock_stays_with_its_owner() {
	cache=$tmp/cache
	lock x
	std_descriptors true
	! flock -n "$cache/x.lock" true || return 1
}

# Check each call in the scripts that make roots.
roots_are_made_so() {
	for script in scripts/root/mkroot.sh scripts/vm/plain.sh; do
		calls=$(grep -c '^[^#]*mmdebstrap --variant' "$script")
		safe=$(grep -c '^[^#]*std_descriptors mmdebstrap --variant' "$script")
		echo "$script: $calls calls, $safe of them without other descriptors"
		[ "$calls" -gt 0 ] && [ "$calls" = "$safe" ] || return 1
	done
}

# The search for the tree must end at the root directory.
outside_of_a_tree_it_fails() {
	echo ". '$root_dir/lib.sh'" > "$tmp/x.sh"
	for script in "$tmp/x.sh" "/$tmp/x.sh"; do
		status=0
		timeout 20 sh "$script" > "$tmp/said" 2>&1 || status=$?
		cat "$tmp/said"
		[ "$status" = 1 ] || return 1
		grep -q 'is not in a source tree of nitro_enclaves_emu' "$tmp/said" || return 1
	done
}

begin lib/descriptors
check_each all_are_passed_on_otherwise only_the_standard_ones_are_left \
	a_lock_stays_with_its_owner roots_are_made_so outside_of_a_tree_it_fails
finish
