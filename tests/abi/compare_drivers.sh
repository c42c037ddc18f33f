#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ne_cpus of the in-tree driver works without its PCI device. Runs the cases of ne_cpus on the
# emulator, then on that driver, and compares every value that the checks saw.
#
# usage: compare_drivers.sh [-s] [-l] [NAME...]   like the programs

set -u

here=$(dirname "$0")
bin=${NE_TEST_BIN:-$here}
programs="cpu_pool_test parameter_test"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP

# Permitted differences: case (. for all), start of the check, reason.
cat > "$tmp/deviations" << 'TABLE'
. ne_cpu_online(cpus[i]) CPUs of the pool stay online, since an offline CPU cannot run KVM
P14 ne_pool_set(list) hardware ids of cores may have gaps
TABLE

# Print "CASE ID|check|value" for every check and "CASE ID|result|..." for every case.
values() {
	awk '
	/^# = / { sub(/^# = /, ""); line[++n] = $0; next }
	/^(not )?ok / {
		result = /^not ok/ ? "failed" : /# SKIP/ ? "skipped" : "passed"
		sub(/^(not )?ok [0-9]+ /, "")
		sub(/ # SKIP .*/, "")
		for (i = 1; i <= n; i++) {
			value = line[i]
			check = value
			sub(/: -?[0-9]+$/, "", check)
			sub(/^.*: /, "", value)
			print $0 "|" check "|" value
		}
		print $0 "|result|" result
		n = 0
	}' "$1"
}

# Print a KTAP line for each case that ran on both.
compare() {
	awk -F '|' -v deviations="$tmp/deviations" '
	function allowed(name, check,	i) {
		for (i = 1; i <= nrules; i++)
			if ((id[i] == "." || index(name, id[i] " ") == 1) &&
			    index(check, start[i]) == 1)
				return i
		return 0
	}
	function note(text) { notes = notes "# " text "\n" }
	BEGIN {
		while ((getline line < deviations) > 0) {
			split(line, word, " ")
			id[++nrules] = word[1]
			start[nrules] = word[2]
			why[nrules] = substr(line, length(word[1] " " word[2]) + 2)
		}
	}
	NR == FNR {
		if ($2 == "result")
			names[++ncases] = $1
		ours[$1, ++n1[$1]] = $2 "|" $3
		next
	}
	{ theirs[$1, ++n2[$1]] = $2 "|" $3 }
	END {
		number = 1
		for (c = 1; c <= ncases; c++) {
			name = names[c]
			notes = differs = rule = ""
			if (ours[name, n1[name]] ~ /skipped$/ ||
			    theirs[name, n2[name]] ~ /skipped$/) {
				print "# cannot be compared here: " name
				continue
			}
			for (i = 1; i <= n1[name] || i <= n2[name]; i++) {
				if (ours[name, i] == theirs[name, i])
					continue
				split(ours[name, i], a, "|")
				split(theirs[name, i], b, "|")
				rule = a[1] == b[1] ? allowed(name, a[1]) : 0
				note(a[1] ": emulator " a[2] ", in-tree driver " b[2] \
					(rule ? " (" why[rule] ")" : ""))
				if (!rule)
					differs = 1
			}
			printf "%s%s %d %s: in both\n", notes, differs ? "not ok" : "ok",
				++number, name
			if (differs)
				failed = 1
		}
		print "1.." number
		exit failed
	}' "$tmp/ours.values" "$tmp/theirs.values"
}

# Print only the cases, without the values of the checks.
show() {
	sed -e '/^# = /d' -e 's/^/    /' "$1"
}

# mark TEXT - note in the kernel log, if the caller wants that, which modules are loaded
mark() {
	[ -z "${NE_TEST_MARK-}" ] || "$NE_TEST_MARK" "$NE_TEST_NAME" "$1"
}

# run DRIVER FILE ARGUMENT... - run all programs; their output goes to FILE
run() {
	NE_MODULE=$1 output=$2
	export NE_MODULE
	shift 2
	run_status=0
	for program in $programs; do
		[ -n "$("$bin/$program" -l "$@")" ] || continue
		"$bin/$program" "$@" >> "$output"
		case $? in
		0 | 4) ;;
		*) run_status=1 ;;
		esac
	done
}

list_only=
for argument; do
	[ "$argument" != -l ] || list_only=1
done
if [ -n "$list_only" ]; then
	for program in $programs; do
		"$bin/$program" "$@"
	done
	exit
fi

NE_TRACE=1
export NE_TRACE
run nitro_enclaves_emu "$tmp/ours" "$@"
status=$run_status
echo "KTAP version 1"
show "$tmp/ours"
[ "$status" = 0 ] && echo "ok 1 emulator" || echo "not ok 1 emulator"
if ! modprobe -q -n nitro_enclaves; then
	echo "1..1"
	exit "$status"
fi

systemctl -q stop ne-emud.service
modprobe -r nitro_enclaves_emu
mark "in-tree driver"
run nitro_enclaves "$tmp/theirs" "$@"
modprobe -r nitro_enclaves
modprobe nitro_enclaves_emu
mark "emulator again"
sed -n '/^not ok/s/^/# in-tree driver: /p' "$tmp/theirs"
values "$tmp/ours" > "$tmp/ours.values"
values "$tmp/theirs" > "$tmp/theirs.values"
compare || status=1
exit "$status"
