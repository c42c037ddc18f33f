#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# Enclaves as units, ne-emu@NAME.service, and the setup of each boot, ne-emu-setup.service.
#
# Once: nothing here depends on the kernel.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

conf=/etc/ne-emu/enclaves/unit-test.conf
unit=ne-emu@unit-test.service
drop_in=/run/systemd/system/ne-emu@.service.d
setup_conf=/etc/ne-emu/setup.conf

clean_up() {
	status=$?
	systemctl stop "$unit" || :
	systemctl reset-failed "$unit" 2> /dev/null || :
	rm -rf "$conf" "$drop_in" "$setup_conf"
	systemctl stop ne-emu-setup.service || :
	systemctl daemon-reload
	(exit "$status")
	undo
}

# field NAME - of the unit
field() {
	systemctl show -p "$1" --value "$unit"
}

# lines MATCH... - messages of the journal since the start of this program
lines() {
	journalctl -q -o cat --since "@$began" "$@"
}

write_conf() {
	mkdir -p "${conf%/*}"
	cat > "$conf"
}

start_unit() {
	timeout 300 systemctl start "$unit" || {
		lines -u "$unit"
		return 1
	}
}

enclave_id() {
	ne-emu ps --json | python3 -c '
import json, sys
print(*[e["EnclaveID"] for e in json.load(sys.stdin) if e.get("Name") == "unit-test"])'
}

# "start" returns when the enclave has booted; it belongs to a user of its own.
boots() {
	write_conf <<-END
		image = $image
		memory = 128
		debug = yes
	END
	start_unit
	[ "$(field ActiveState)" = active ]
	id=$(enclave_id)
	[ -n "$id" ]
	user=$(ps -o user= -p "$(field MainPID)")
	echo "$id belongs to $user"
	[ "$user" != root ]
	lines -u "$unit" | grep "^$id booted"
}

# The journal finds what ne-emud says about an enclave, and each line has its name once.
journal_has_fields() {
	id=$(enclave_id)
	lines ENCLAVE_ID="$id" _SYSTEMD_UNIT=ne-emud.service | grep "^$id: started, CID"
	lines ENCLAVE_NAME=unit-test | grep "^$id booted"
	lines ENCLAVE_ID="$id" _SYSTEMD_UNIT="$unit" | grep "^$id booted"
	lines -u ne-emud.service > "$tmp/lines"
	grep -q . "$tmp/lines"
	fails grep '^ne-emud: ' "$tmp/lines"
	journalctl -q --since "@$began" -u ne-emud.service | grep 'ne-emud\[[0-9]*\]: enc'
}

# A VMM that is killed is a fault.
restarts() {
	id=$(enclave_id)
	# shellcheck disable=SC2046 # one number
	kill -9 $(vmm_pids)
	wait_for 90 restarted
	[ "$(field NRestarts)" = 1 ]
}

restarted() {
	[ "$(field ActiveState)" = active ] && [ -n "$(enclave_id)" ] &&
		[ "$(enclave_id)" != "$id" ]
}

stops() {
	timeout 60 systemctl stop "$unit"
	[ "$(field ActiveState)" = inactive ]
	[ "$(field Result)" = success ]
	wait_for 10 no_vmm
}

# There is no other start after a mistake in the file.
bad_file() {
	write_conf <<-END
		image = $image
		memmory = 128
	END
	fails systemctl start "$unit"
	[ "$(field ActiveState)" = failed ]
	[ "$(field ExecMainStatus)" = 78 ]
	[ "$(field NRestarts)" = 0 ]
	lines -u "$unit" | grep 'unit-test.conf:2: memmory: no such setting'
	rm "$conf"
	systemctl reset-failed "$unit"
}

# Nothing happens without the file; with it, the setup is that of the command.
setup_unit() {
	systemctl start ne-emu-setup.service
	[ "$(systemctl show -p ConditionResult --value ne-emu-setup.service)" = no ]
	rm -f /run/ne-emu/setup.json	# of another test
	before=$(cat "$pool_file")
	pages=$(cat /proc/sys/vm/nr_hugepages)
	ne-emu setup --cpus 2 --memory $(((pages + 32) * 2)) --persistent
	now=$(cat "$pool_file")
	ne-emu setup --undo
	[ "$(cat "$pool_file")" = "$before" ]
	[ ! -e "$setup_conf" ]
	printf 'cpus = 2\nmemory = %s\n' $(((pages + 32) * 2)) > "$setup_conf"
	systemctl start ne-emu-setup.service || {
		lines -u ne-emu-setup.service
		return 1
	}
	[ "$(cat "$pool_file")" = "$now" ]
	[ "$(cat /proc/sys/vm/nr_hugepages)" = $((pages + 32)) ]
	ne-emu setup --undo
	[ "$(cat "$pool_file")" = "$before" ]
	[ "$(cat /proc/sys/vm/nr_hugepages)" = "$pages" ]
	[ ! -e "$setup_conf" ]
}

need_host 128
need_daemon
need_image
need_program ne-emu python3 journalctl
trap clean_up EXIT
began=$(date +%s)
mkdir -p "$drop_in"
printf '[Service]\nRestartSec=0\n' > "$drop_in/test.conf"
systemctl daemon-reload
check "a unit is active when its enclave has booted" boots
check "the journal has fields of the enclave" journal_has_fields
check "it is started again after a fault" restarts
check "it stops" stops
check "a mistake in its file: named, and no other start" bad_file
check "the setup of each boot" setup_unit
finish
