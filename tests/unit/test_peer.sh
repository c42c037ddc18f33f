#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# A peer that cannot be built is a failure, unless its registry cannot be reached. Runs the
# scripts peer.sh and run.sh in a tree where enter.sh, the roots and the clients of the
# registries are stand-ins. TAP on stdout.

set -eu
# shellcheck source=../lib/case.sh
. "$(dirname "$0")/../lib/case.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tree=$tmp/tree
NE_EMU_CACHE=$tmp/cache
PATH=$tmp/bin:$PATH
FAKE=
export NE_EMU_CACHE PATH FAKE

program() {
	mkdir -p "$(dirname "$1")"
	{ echo "#!/bin/sh" && cat; } > "$1"
	chmod +x "$1"
}

make_tree() {
	mkdir -p "$tree"
	touch "$tree/Kbuild"
	printf 'payload:\n' > "$tree/Makefile"
	for file in scripts/root/lib.sh scripts/root/kernels scripts/root/tools.packages \
		tests/run.sh tests/lib tests/attest/peer.sh tests/attest/build-peer.sh \
		tests/attest/peers tests/eif; do
		mkdir -p "$(dirname "$tree/$file")"
		cp -r "$file" "$tree/$file"
	done
	# Runs commands for a root here, with stand-ins for the clients.
	program "$tree/scripts/root/mkroot.sh" <<-'END'
		[ "$FAKE" != no-root ] || { echo "mmdebstrap failed" >&2; exit 1; }
		echo /nowhere
	END
	program "$tree/scripts/root/enter.sh" <<-END
		[ "\$1" != --root ] || shift 2
		cd "$tree"
		exec "\$@"
	END
	# This runs in the build root, where ns() needs no new namespaces.
	program "$tmp/bin/unshare" <<-'END'
		while [ "$1" != -- ]; do shift; done
		shift
		exec "$@"
	END
	program "$tree/tests/unit/run.sh" <<-'END'
		printf '#> begin unit/x\n1..1\nok 1 - x\n#> end unit/x 0 0\n'
	END
	program "$tree/tests/lib/on-kernel.sh" <<-'END'
		echo "1 0 0" > "$1"
	END
	cp "$tree/tests/unit/run.sh" "$tree/tests/eif/run.sh"
}

# Output of a client that does not run, does not reach its registry or is refused a package.
make_client() {
	program "$tmp/bin/$1" <<-'END'
		case $FAKE.$1 in
		broken.*) exit 127 ;;
		*.version | *.--version) ;;
		unreachable.*)
			printf 'error: failed to query it\n  Could not resolve "host"\n' >&2
			exit 101
			;;
		compiles.install)
			while [ "$1" != --root ]; do shift; done
			install -D /bin/true "$2/bin/$3"
			;;
		*.info | *.mod) ;;
		*) echo "error: it does not compile" >&2; exit 101 ;;
		esac
	END
}

# ends STATUS TEXT FAKE DIRECTORY ARGUMENT - the directory's peer.sh ends with this status and
# this text in its last line
ends() {
	expected=$1 text=$2 FAKE=$3
	shift 3
	status=0
	script=peer.sh
	[ "$1" != lib ] || script=crate-peer.sh
	"$tree/tests/$1/$script" "$2" > "$tmp/out" 2> "$tmp/err" || status=$?
	cat "$tmp/out" "$tmp/err"
	[ "$status" = "$expected" ] && tail -n 1 "$tmp/err" | grep -qF "$text" &&
		[ ! -s "$tmp/out" ]
}

each() {
	for peer in "attest go" "attest rust" "attest nsm-api" "attest ec2" "eif 0.3.0" \
		"eif 0.8.1" "lib vhost-device-vsock" "lib nitro-cli"; do
		# shellcheck disable=SC2086 # two words
		"$@" $peer || { echo "$peer" && return 1; }
	done
}

a_peer_that_does_not_compile_is_a_failure() {
	each ends 1 "cannot be built" fails
}

a_registry_out_of_reach_is_a_skip() {
	each ends 75 'Could not resolve "host"' unreachable
}

a_client_that_does_not_run_is_a_failure() {
	each ends 1 "does not run in the tools root" broken
}

a_tools_root_that_cannot_be_made_is_a_failure() {
	each ends 1 "the tools root cannot be made" no-root
}

nothing_is_left_of_a_failure() {
	[ -z "$(find "$NE_EMU_CACHE" -name '*peer*' ! -name '*.lock')" ]
}

a_peer_that_can_be_built_is_kept() {
	FAKE=compiles
	folder=$("$tree/tests/lib/crate-peer.sh" vhost-device-vsock)
	[ -x "$folder/vhost-device-vsock" ]
	# Neither the root nor the registry is used again.
	FAKE=no-root
	[ "$("$tree/tests/lib/crate-peer.sh" vhost-device-vsock)" = "$folder" ]
}

# counted FAKE LINE STATUS - run.sh with a part that has two peers ends like this
counted() {
	FAKE=$1
	status=0
	"$tree/tests/run.sh" eif > "$tmp/out" 2>&1 || status=$?
	cat "$tmp/out"
	[ "$status" = "$3" ] && tail -n 1 "$tmp/out" | grep -qx "$2"
}

a_run_counts_failures() {
	counted fails '[1-9][0-9]* passed, 2 failed, 0 skipped' 1
	grep -q '^  FAIL eif: .* cannot be built' "$tmp/out"
}

a_run_counts_skips_with_their_cause() {
	counted unreachable '[1-9][0-9]* passed, 0 failed, 2 skipped' 0
	grep -q '^  SKIP eif: .*Could not resolve "host"' "$tmp/out"
}

the_cause_reaches_the_result() {
	python3 -B tests/attest/requests.py /nowhere "skip: \`no\` \"host\"" > "$tmp/out"
	grep -qxF "ok 1 - AWS's decoder # SKIP \`no\` \"host\"" "$tmp/out"
	! python3 -B tests/attest/requests.py /nowhere "fail: why" > "$tmp/out" || return 1
	grep -qx "not ok 1 - AWS's decoder" "$tmp/out"
	grep -qx '# why' "$tmp/out"
}

make_tree
make_client cargo
make_client go
begin lib/peer
check_each a_peer_that_does_not_compile_is_a_failure a_registry_out_of_reach_is_a_skip \
	a_client_that_does_not_run_is_a_failure a_tools_root_that_cannot_be_made_is_a_failure \
	nothing_is_left_of_a_failure a_peer_that_can_be_built_is_kept a_run_counts_failures \
	a_run_counts_skips_with_their_cause the_cause_reaches_the_result
finish
