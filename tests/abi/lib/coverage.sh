#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Finds out from complete logs of VM runs which conformance cases ran. A case may be skipped in
# one VM and run in another one with the same kernel.
#
# usage: coverage.sh COUNTS KERNEL=LOG...
#
# Prints the results of each area of cases on each kernel, and the ids of ../conformance that
# did not run on a kernel. Adds a line to the file COUNTS: a failure for each of these, and
# minus one skip for each case that was skipped in one VM and ran in another.

set -eu

counts=$1
shift
list=$(dirname "$0")/../conformance

for log; do
	[ ! -e "${log#*=}" ] || sed "s/^/${log%%=*} /; s/\r\$//" "${log#*=}"
done | awk -v counts="$counts" -v list="$list" '
function read_ids(	line) {
	while ((getline line < list) > 0)
		if (line !~ /^#/)
			ids[++nids] = line
}

# Count a result of case NAME of the current program; the name begins with one or more ids.
function result(kernel, name, what,	key, rest) {
	key = kernel SUBSEP program SUBSEP name
	if (what == "skipped") {
		if (!(key in ran))
			skips[key]++
		return
	}
	ran[key] = 1
	sum[kernel, substr(name, 1, 1), what]++
	for (rest = name; rest ~ /^[A-Z][0-9][0-9] /; rest = substr(rest, 5))
		id_ran[kernel, substr(rest, 1, 3)] = 1
}

BEGIN {
	read_ids()
	areas = "D device,C create,V vCPUs,I load info,M memory,S start,L life,P ne_cpus,X clients,E vsock CIDs"
}

{ kernel = $1; $1 = ""; sub(/^ /, "") }
!(kernel in seen) { seen[kernel] = 1; kernels[++nkernels] = kernel }
/^#> begin / { program = $3; next }
/^ *(not )?ok [0-9]+ (- )?[DCVIMSLPXE][0-9][0-9] / {
	failed = /^ *not ok/
	match($0, /[DCVIMSLPXE][0-9][0-9] /)
	name = substr($0, RSTART)
	skipped = match(name, / *# *[Ss][Kk][Ii][Pp]/)
	if (skipped)
		name = substr(name, 1, RSTART - 1)
	result(kernel, name, failed ? "failed" : skipped ? "skipped" : "passed")
}

END {
	for (key in skips) {
		split(key, part, SUBSEP)
		if (key in ran)
			made_up += skips[key]
		else
			sum[part[1], substr(part[3], 1, 1), "skipped"] += skips[key]
	}
	printf "%-14s", "passed/failed/skipped"
	for (k = 1; k <= nkernels; k++)
		printf "%16s", kernels[k]
	printf "\n"
	n = split(areas, area, ",")
	for (a = 1; a <= n; a++) {
		letter = substr(area[a], 1, 1)
		printf "%-21s", area[a]
		for (k = 1; k <= nkernels; k++)
			printf "%16s", sum[kernels[k], letter, "passed"] + 0 "/" \
				sum[kernels[k], letter, "failed"] + 0 "/" \
				sum[kernels[k], letter, "skipped"] + 0
		printf "\n"
	}
	for (k = 1; k <= nkernels; k++) {
		missing = 0
		text = ""
		for (i = 1; i <= nids; i++)
			if (!((kernels[k], ids[i]) in id_ran)) {
				missing++
				text = text " " ids[i]
			}
		printf "%s: %d of %d cases ran\n", kernels[k], nids - missing, nids
		if (missing)
			printf "  FAIL did not run in any VM with %s:%s\n", kernels[k], text
		all_missing += missing
	}
	print 0, all_missing + 0, -made_up >> counts
}'
