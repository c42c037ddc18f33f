#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Looks for kernel complaints in logs. Shows them and exits with 1 if there are any besides
# those of the file known-faults, for which it prints one line each.
#
# usage: scan-log.sh FILE...
#        scan-log.sh --died FILE...   only check whether the kernel died of a known fault
#
# kmsg-mark.sh notes in the logs which test runs and which of our modules are loaded.

set -eu

complaints='WARNING:|BUG:|Oops|lockdep is turned off|[Ll]eaked|blocked for more than'
complaints="$complaints|general protection fault|refcount_t|KASAN|UBSAN|KCSAN"
complaints="$complaints|soft lockup|rcu.*detected stall|unreferenced object"
complaints="$complaints|circular locking|Kernel panic"
known=$(dirname "$0")/known-faults
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# unknown FATAL FILE... - the logs without known faults; notes on those go to $work/notes
unknown() {
	fatal=$1
	shift
	# After "Power down", a slow emulated CPU that still runs may complain about those
	# that no longer do.
	sed -s -e 's/\r$//' -e '/\] reboot: Power down/,$d' "$@" |
		awk -v known="$known" -v complaints="$complaints" -v fatal="$fatal" \
			-v notes="$work/notes" "$program"
}

# shellcheck disable=SC2016 # awk's
program='
function read_known(	line, key) {
	n = 1
	while ((getline line < known) > 0) {
		if (line ~ /^#/)
			continue
		if (line == "") {
			n++
		} else if (line ~ /^ /) {
			entry[n, key] = entry[n, key] line
		} else {
			key = line
			sub(/:.*/, "", key)
			entry[n, key] = substr(line, length(key) + 3)
		}
	}
}

# "*" at the end stands for any rest.
function fits(text, pattern) {
	if (pattern ~ /\*$/)
		return index(text, substr(pattern, 1, length(pattern) - 1)) == 1
	return text == pattern
}

function applies(e) {
	return (entry[e, "fatal"] == "yes") == (fatal == "yes") && fits(test, entry[e, "test"]) &&
		fits(release, entry[e, "kernel"]) && (entry[e, "modules"] == "*" || !ours)
}

# The number of the entry that explains the complaint in lines[1..nlines], or 0.
function explained(	e, i) {
	for (e = 1; e <= n; e++) {
		if (!((e, "complaint") in entry) || !applies(e))
			continue
		for (i = 1; i <= nlines; i++)
			if (lines[i] ~ entry[e, "complaint"])
				return e
	}
	return 0
}

# A complaint has ended: print it, unless it is known and contains no other one.
function judge(	e, i) {
	e = heads == 1 || fatal == "yes" ? explained() : 0
	for (i = 1; i <= nlines && !e; i++)
		print lines[i]
	if (e)
		print "known fault of the kernel (" test ", " (release == "" ? "?" : release) "): " \
			entry[e, "complaint"] ": " entry[e, "reason"] > notes
	nlines = 0
	inside = 0
}

function add(line) {
	lines[++nlines] = line
	heads += line ~ complaints
	# The complaint lists the loaded modules; those unloaded before it do not count.
	if (line ~ /Modules linked in:/) {
		sub(/\[last unloaded:.*/, "", line)
		ours = ours || line ~ /[ :](nitro_enclaves_emu|ne_emu_vsock)/
	}
}

function begin() {
	inside = 1
	nlines = heads = 0
	ours = loaded
	test = marked
}

BEGIN {
	read_known()
	marked = "boot"
}

# Each file begins with the boot.
FNR == 1 { marked = "boot"; release = ""; loaded = 0 }

/ne-emu-test: / {
	line = $0
	sub(/.*ne-emu-test: /, "", line)
	split(line, word, /[ ,]+/)
	marked = line ~ / ends, / ? "-" : word[1]
	release = line
	sub(/.*, kernel /, "", release)
	sub(/, .*/, "", release)
	loaded = line !~ /, loaded: none/
	next
}

# On a console that shows only warnings, the "cut here" line is missing.
(/-\[ cut here \]-|Oops:/ || /WARNING: .* at [^ ]*\+0x/) && !inside { begin() }
inside {
	add($0)
	if (/---\[ end trace/ || nlines == 200)
		judge()
	next
}
$0 ~ complaints { begin(); add($0); judge(); next }
{ print }
END { if (inside) judge() }'

touch "$work/notes"
if [ "$1" = --died ]; then
	shift
	for log; do
		[ ! -e "$log" ] || unknown yes "$log" > /dev/null
	done
	sort -u "$work/notes"
	[ -s "$work/notes" ]
	exit
fi
for log; do
	[ -r "$log" ] || {
		echo "there is no kernel log $log"
		exit 1
	}
	unknown no "$log"
done > "$work/unknown"
sort -u "$work/notes"
grep -E -A 25 "$complaints|Call Trace:" "$work/unknown" > "$work/found" || exit 0
echo "the kernel log holds a complaint:"
head -n 60 "$work/found"
exit 1
