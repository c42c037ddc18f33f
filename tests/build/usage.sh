#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The exit codes of command lines: 2 if what the user typed is wrong, whatever the state of the
# host, and 1, or 125 for "run", if it is right but fails on a host without the emulator.
#
# usage: usage.sh PROGRAMS_DIR - prints what is wrong, with status 1

set -u
programs=${1:?usage: usage.sh PROGRAMS_DIR}
failed=0

while IFS='|' read -r expected words; do
	case $expected in
	'' | '#'*) continue ;;
	esac
	status=0
	eval "set -- $words"
	program=$1
	shift
	text=$("$programs/$program" "$@" 2>&1 < /dev/null) || status=$?
	[ "$status" = "$expected" ] || {
		echo "$words: exit status $status, not $expected: $text"
		failed=1
	}
	# Every failure says something.
	[ -n "$text" ] || {
		echo "$words: no message"
		failed=1
	}
done <<'END'
2|ne-emu
2|ne-emu nope
0|ne-emu help
0|ne-emu help run
0|ne-emu --help
0|ne-emu --version
2|ne-emu run
2|ne-emu run --nope x
2|ne-emu run --memory x y.eif
2|ne-emu run --memory 0 y.eif
2|ne-emu run --memory 99999999999T y.eif
2|ne-emu run --cid 1 y.eif
2|ne-emu run --cpu-ids 1,x y.eif
2|ne-emu run --cpu-ids 0 y.eif
2|ne-emu run --name 'a b' y.eif
2|ne-emu run --name 16 y.eif
125|ne-emu run no-such.eif
2|ne-emu ps x
2|ne-emu ps --filter x
2|ne-emu ps --filter a=b
2|ne-emu ps --format '{nope}'
2|ne-emu stop 'a b'
2|ne-emu stop --all x
2|ne-emu stop --timeout x web
2|ne-emu wait 'a b'
125|ne-emu wait web
2|ne-emu inspect 'a b'
1|ne-emu inspect web
2|ne-emu rm
2|ne-emu rm 'a b'
2|ne-emu events x
1|ne-emu events
2|ne-emu exec
125|ne-emu exec web ls
2|ne-emu cp
2|ne-emu cp a
2|ne-emu cp a b
1|ne-emu cp README.md web:/tmp/x
2|ne-emu logs --tail x
2|ne-emu logs --since x
1|ne-emu stop web
2|ne-emu console 'a b'
2|ne-emu console --latest web
1|ne-emu console web
2|ne-emu logs a/b
2|ne-emu pcap -w
2|ne-emu pcap 'a b'
2|ne-emu trace 'a b'
2|ne-emu trace --latest web
1|ne-emu trace web
2|ne-emu timeline 'a b'
2|ne-emu timeline web --json --svg -
1|ne-emu timeline web
2|ne-emu lab
2|ne-emu lab set
2|ne-emu lab set next x
2|ne-emu images x
2|ne-emu attest
2|ne-emu attest root --format x
2|ne-emu attest verify
2|ne-emu attest verify --pcr 1 x
2|ne-emu attest verify --nonce zz x
2|ne-emu attest verify --time x x
1|ne-emu attest verify no-such
1|ne-emu attest show no-such
2|ne-emu eif
2|ne-emu eif build
2|ne-emu eif build --kernel x
2|ne-emu eif pcr
2|ne-emu eif sign
2|ne-emu eif diff a
2|ne-emu eif extract a
1|ne-emu eif describe no-such
1|ne-emu eif verify README.md
2|ne-emu doctor x
2|ne-emu setup
2|ne-emu setup --memory x
2|ne-emu setup --cpus 0
2|ne-emu setup --undo --memory 5
2|ne-emu port-forward
2|ne-emu port-forward x
2|ne-emu port-forward 1:2:3:4
1|ne-emu port-forward 8080:80
2|ne-emu version x
2|ne-emu-ca
2|ne-emu-ca nope
2|ne-emu-ca export --project 'A B'
2|ne-emu-ca rotate --project A
2|ne-emu-ca export --format x
1|ne-emu-ca export --state /no-such
2|ne-emud x
2|ne-emud --nope
0|ne-emud --help
END

# Output that cannot be written is a failure, of text as well.
for words in --help --version version 'version --json' 'help run' images 'images --json'; do
	status=0
	# shellcheck disable=SC2086 # words
	text=$("$programs/ne-emu" $words 2>&1 > /dev/full) || status=$?
	case $status:$text in
	1:*'cannot write the output'*) ;;
	*)
		echo "ne-emu $words > /dev/full: exit status $status: $text"
		failed=1
		;;
	esac
done
exit $failed
