#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# "ne-emu stats": the counters of running enclaves, for people, scripts and Prometheus.
#
# Once, on another kernel: KVM says itself what its numbers are.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3 jq setpriv prometheus-node-exporter
need_host 192
need_daemon
need_image

exporter=
clean_up() {
	[ -z "$exporter" ] || kill "$exporter" || :
	ne-emu stop --all > /dev/null 2>&1 || :
}
trap 'clean_up; undo' EXIT

start_two() {
	for name in first second; do
		ne-emu run --memory 128 --cpus 2 --debug --detach --name "$name" "$image"
	done
}

table() {
	ne-emu stats > "$tmp/table"
	cat "$tmp/table"
	[ "$(wc -l < "$tmp/table")" = 3 ]
	grep -q '^first .*128M' "$tmp/table"
	[ "$(wc -L < "$tmp/table")" -le 80 ]
}

# Each kind of counter has counted: what Linux does when it boots is known.
counts() {
	ne-emu stats first --json > "$tmp/json"
	jq -e '.[0] | .EnclaveName == "first" and .FormatVersion == 1 and
		.Vm.MemoryBytes == 134217728 and .Vm.UptimeNs > 0 and
		(.Vcpus | length) == 2 and .Vcpus[0].CpuTimeNs > 0 and
		.Vcpus[0].UserPortExits > 0 and .Vcpus[0].Exits >= .Vcpus[0].UserPortExits and
		.Vcpus[0].StealNs >= 0 and .Vsock.TransmittedPackets > 0 and
		.Vsock.ReceivedBytes > 0 and .Nsm.Errors <= .Nsm.Requests and
		.Console.OutputBytes > 1000' "$tmp/json" > /dev/null || {
		cat "$tmp/json"
		return 1
	}
}

# KVM counts, too, and its numbers agree with what it shows for all VMs.
agrees_with_kvm() {
	[ -d /sys/kernel/debug/kvm ] || mount -t debugfs none /sys/kernel/debug
	ours=$(ne-emu stats --json | jq '[.[].Vcpus[].Exits] | add')
	kvm=$(cat /sys/kernel/debug/kvm/exits)
	echo "$ours exits here, then $kvm of KVM"
	[ "$ours" -gt 0 ]
	[ "$kvm" -ge "$ours" ]
}

has_lines() {
	[ "$(wc -l < "$tmp/lines")" -ge "$1" ]
}

watches() {
	ne-emu stats first --watch --interval 1 --json > "$tmp/lines" &
	watcher=$!
	wait_for 15 has_lines 3
	kill "$watcher"
	wait "$watcher" || :
	jq -es 'map(.[0].Vm.UptimeNs) | . == sort and (.[0] < .[-1])' "$tmp/lines"
}

# Another implementation of the format, and an exporter that hands it on.
openmetrics() {
	mkdir -p "$tmp/textfile"
	ne-emu stats --openmetrics > "$tmp/textfile/ne-emu.prom"
	python3 - "$tmp/textfile/ne-emu.prom" <<-'PYTHON'
	import sys
	from prometheus_client.openmetrics.parser import text_string_to_metric_families
	families = {f.name: f for f in text_string_to_metric_families(open(sys.argv[1]).read())}
	exits = families["ne_emu_vcpu_exits"]
	assert exits.type == "counter", exits.type
	assert {s.labels["name"] for s in exits.samples} == {"first", "second"}, exits.samples
	time = families["ne_emu_vcpu_cpu_time_seconds"]
	assert time.unit == "seconds" and all(0 < s.value < 600 for s in time.samples), time.samples
	print(len(families), "families")
	PYTHON
}

scrape() {
	python3 -c 'import urllib.request as r
print(r.urlopen("http://127.0.0.1:9191/metrics", timeout=10).read().decode())' > "$tmp/scraped"
}

scraped() {
	prometheus-node-exporter --collector.disable-defaults --collector.textfile \
		--collector.textfile.directory="$tmp/textfile" --web.listen-address=127.0.0.1:9191 \
		> "$tmp/exporter" 2>&1 &
	exporter=$!
	wait_for 30 scrape > "$tmp/waited" 2>&1 || {
		tail -n 3 "$tmp/waited" "$tmp/exporter"
		return 1
	}
	grep -q '^ne_emu_vcpu_exits_total{.*name="first",vcpu="0"}' "$tmp/scraped"
	grep -q '^node_textfile_scrape_error 0' "$tmp/scraped"
	kill "$exporter"
	wait "$exporter" || :
	exporter=
}

# Production enclaves, too: no contents are shown. Strangers get nothing.
production() {
	ne-emu stop second
	ne-emu run --memory 128 --cpus 2 --detach --name third "$image"
	ne-emu stats third --json | jq -e '.[0].Vm.MemoryBytes > 0'
	ne-emu stop third
}

stranger() {
	cid=$(ne-emu ps --filter name=first --format '{cid}')
	as_member ne-emu stats "$cid" > "$tmp/out" 2>&1 && return 1
	cat "$tmp/out"
	grep -q 'belongs to user 0' "$tmp/out"
	as_member ne-emu stats --json > "$tmp/out"
	[ "$(cat "$tmp/out")" = "[]" ]
}

# Four clients at a time, and a fifth once one of them has gone.
lines() {
	clients=
	for i in 1 2 3 4; do
		ne-emu stats first --watch --json > "$tmp/client$i" &
		clients="$clients $!"
		wait_for 10 test -s "$tmp/client$i"
	done
	ne-emu stats first > "$tmp/out" 2>&1 && return 1
	cat "$tmp/out"
	grep -q '4 clients look into' "$tmp/out"
	# shellcheck disable=SC2086 # a list
	kill -KILL $clients
	wait_for 10 ne-emu stats first > /dev/null 2>&1
}

# ne-emud is not needed for a session that is open, and a later one finds the lines again.
later_daemon() {
	ne-emu stats first --watch --interval 1 --json > "$tmp/lines" &
	watcher=$!
	wait_for 10 test -s "$tmp/lines"
	systemctl kill -s KILL --kill-whom=main ne-emud
	before=$(wc -l < "$tmp/lines")
	wait_for 15 has_lines $((before + 2))
	wait_for 20 systemctl is-active --quiet ne-emud
	wait_for 20 ne-emu stats first --json > /dev/null 2>&1
	# The enclave's end ends it, too.
	ne-emu stop first
	wait "$watcher"
}

no_lines() {
	[ -z "$(find /run/ne-emu -name "session*")" ]
}

clean() {
	ne-emu stop --all > /dev/null
	wait_for 20 no_lines
}

check "two enclaves start" start_two
check "a table of 80 columns" table
check "everything is counted" counts
check "as KVM counts it" agrees_with_kvm
check "again and again" watches
check "OpenMetrics by its own parser" openmetrics
check "scraped through node_exporter" scraped
check "a production enclave" production
check "strangers are refused" stranger
check "no more than four clients" lines
check "a killed ne-emud" later_daemon
check "nothing is left" clean
finish
