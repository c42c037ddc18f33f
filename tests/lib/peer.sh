# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # scripts/root/lib.sh, which comes first, sets those
# For the scripts peer.sh, which build other people's programs from a package registry into
# a directory of the cache, once, and for the scripts that use them.
#
# A peer.sh prints the directory and exits with 0. Otherwise the last line of its standard
# error is the reason, and the exit status is 75 (EX_TEMPFAIL) if the registry cannot be
# reached, which says nothing about what is tested, and 1 in all other cases.

# make_peer CLIENT LOCK DIRECTORY WHAT COMMAND... - run the command in the tools root; it
# fills DIRECTORY.part. CLIENT is the registry's client: cargo or go.
make_peer() {
	peer_client=$1 peer_lock=$2 peer_out=$3 peer_what=$4
	shift 4
	[ -e "$peer_out" ] || lock "$peer_lock"
	if [ ! -e "$peer_out" ]; then
		"$root_dir/mkroot.sh" tools > /dev/null || die "the tools root cannot be made"
		trap 'ns rm -rf "$peer_out.part"' EXIT
		ns rm -rf "$peer_out.part"
		mkdir -p "$peer_out.part"
		say "getting $peer_what from a package registry, up to some minutes: $peer_out"
		"$root_dir/enter.sh" --root tools "$@" >&2 || give_up_peer
		mv "$peer_out.part" "$peer_out"
		peer_name=${peer_out##*/}
		drop_old "${peer_name%-*}-" "$peer_name"
	fi
	touch -c "$peer_out"
	echo "$peer_out"
}

# Exit with the reason: a registry that answers now was not the cause.
give_up_peer() {
	peer_status=0
	peer_reason=$("$root_dir/enter.sh" --root tools sh "$top/tests/lib/ask-registry.sh" \
		"$peer_client" "$peer_out.part/probe" 2>&1) || peer_status=$?
	peer_reason=$(echo "$peer_reason" | sed 's/^[[:space:]]*//' | tail -n 1)
	case $peer_status in
	0) die "the registry answers $peer_client, but $peer_what cannot be built" ;;
	75)
		say "the registry cannot be reached by $peer_client: $peer_reason"
		exit 75
		;;
	*) die "$peer_client does not run in the tools root: $peer_reason" ;;
	esac
}

# ask_for_peer LOG PEER_SH ARGUMENT... - print its directory, "skip: REASON" or
# "fail: REASON"
ask_for_peer() {
	peer_log=$1
	shift
	peer_status=0
	"$@" 2> "$peer_log" || peer_status=$?
	case $peer_status in
	0) return ;;
	75) printf 'skip: ' ;;
	*) printf 'fail: ' ;;
	esac
	echo "$(tail -n 1 "$peer_log" | sed 's/^[^ ]*\.sh: //') ($peer_log)"
}
