# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # scripts/root/lib.sh, which comes first, sets those
# For the scripts peer.sh, which make a folder of the cache from a package registry once,
# and for those that ask them for it.
#
# A peer.sh prints the folder and exits with 0. Otherwise the last line of its standard
# error is the reason, and the exit status tells what to make of it: 75 (EX_TEMPFAIL)
# when the registry cannot be reached, which is no fault of what is tested, and 1 for
# anything else.

# make_peer CLIENT LOCK FOLDER WHAT COMMAND... - the command, which runs in the tools root,
# fills FOLDER.part. CLIENT is the registry's own: cargo or go.
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

# Whose fault it was: a registry that answers afterwards was not the cause.
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

# ask_for_peer LOG PEER_SH ARGUMENT... - its folder, "skip: REASON" or "fail: REASON"
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
