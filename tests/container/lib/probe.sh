#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program of the images of semantics.sh: prints what it finds, one line each,
# "@@NAME VALUE".

say() {
	say_name=$1
	shift
	echo "@@$say_name $*"
}

# choose NAME VALUE OTHER COMMAND... - the value if the command succeeds, else the other one
choose() {
	choose_name=$1 choose_value=$2 choose_other=$3
	shift 3
	"$@" || choose_value=$choose_other
	say "$choose_name" "$choose_value"
}

# Can a command be run? Its own messages are of no interest.
can() {
	can_name=$1
	shift
	if "$@" > /dev/null 2>&1 < /dev/null; then
		say "$can_name" yes
	else
		say "$can_name" no
	fi
}

field() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$$/status"
}

mounted() {
	sed -n "s|^\([^ ]*\) $1 \([^ ]*\) \([^ ]*\) 0 0|\1 \2 \3|p" /proc/mounts | tail -n 1 |
		sed 's/,relatime//;s/,inode64//;s/,size=[^,]*//;s/,nr_inodes=[^,]*//'
}

opens() {
	(exec 3<> "$1")
}

runs_from() {
	cp /bin/busybox "$1/busybox" && "$1/busybox" true
}

# Send a line over TCP to ourselves, by this name.
talk() {
	echo hello | timeout 5 nc -l -p "$2" > /dev/null 2>&1 &
	sleep 0.5
	[ "$(timeout 3 nc "$1" "$2" < /dev/null 2> /dev/null)" = hello ]
}

process() {
	# shellcheck disable=SC2046 # fields
	set -- $(cat "/proc/$$/stat")
	choose group leader member [ "$5" = "$1" ]
	choose session leader member [ "$6" = "$1" ]
	say terminal "$7"
	choose pid 1 other [ "$1" = 1 ]
	say parent "$4"
}

arguments="$# $1"
say arguments "$arguments"
process
say identity "$(id -u):$(id -g):$(id -G)"
say home "${HOME-unset}"
say path "$(tr '\0' '\n' < "/proc/$$/environ" | sed -n 's/^PATH=//p')"
say variables "$(tr '\0' '\n' < "/proc/$$/environ" | sed 's/=.*//' | sort | tr '\n' ' ')"
say directory "$(pwd) $(stat -c %u:%g:%a .)"
can directory-write touch x
say mask "$(umask)"
say host-name "$(cat /proc/sys/kernel/hostname)"

say hosts "$(awk '$1 == "127.0.0.1" || $1 == "::1" { print $1, $2 }' /etc/hosts | tr '\n' ' ')"
say resolver "$(grep -c nameserver /etc/resolv.conf)"
can docker-file test -e /.dockerenv
can host-name-file test -e /etc/hostname
say mount-table "$(readlink /etc/mtab)"

say loopback "$(cat /sys/class/net/lo/flags 2> /dev/null)"
can address talk 127.0.0.1 7001
can name talk localhost 7002
can name-6 talk ::1 7003
can port talk 127.0.0.1 80
say ping "$(cat /proc/sys/net/ipv4/ping_group_range)"

for path in /proc /sys /dev /dev/pts /dev/shm /dev/mqueue /run /tmp /sys/fs/cgroup; do
	say "mount$path" "$(mounted "$path")"
done
say mounts-masked "$(grep -c ' /proc/' /proc/mounts)"
can cgroup-2 test -e /sys/fs/cgroup/cgroup.procs
can cgroup-1 grep -q '^cpu /sys/fs/cgroup/cpu cgroup rw,nosuid,nodev,noexec,relatime,cpu ' /proc/mounts
can execute-tmp runs_from /tmp
can execute-shm runs_from /dev/shm
can execute-run runs_from /run
can write-root touch /written
can covered test -e /tmp/covered
say mode "$(stat -c %a /bin/set-user)"

for device in null zero full random urandom tty ptmx; do
	say "device-$device" "$(stat -c %a "/dev/$device")"
done
can device-nsm opens /dev/nsm
can device-vsock opens /dev/vsock
can terminals opens /dev/ptmx
for link in fd stdin stdout stderr; do
	say "link-$link" "$(readlink "/dev/$link")"
done

for number in 0 1 2; do
	say "stream-$number" "$(stat -L -c %u:%a "/proc/$$/fd/$number")"
done
(echo "@@stdout yes" > /dev/stdout) 2> /dev/null || say stdout no
(echo "@@stderr yes" > /dev/stderr) || say stderr no
(echo "@@descriptor yes" > /proc/self/fd/1) 2> /dev/null || say descriptor no
choose input terminal other [ -t 0 ]

say signals "$(field SigBlk) $(field SigIgn)"
say capabilities "$(field CapInh) $(field CapPrm) $(field CapEff) $(field CapAmb)"
say bounding "$(field CapBnd)"
say privileges "$(field NoNewPrivs)"
say seccomp "$(field Seccomp)"
say files "$(awk '/^Max open files/ { print $4, $5 }' "/proc/$$/limits")"
say core "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$$/limits")"
say memory-killer "$(cat "/proc/$$/oom_score_adj")"
say descriptors "$(find "/proc/$$/fd" -type l 2> /dev/null | wc -l)"

# An orphan belongs to the init, which has to reap it.
(sleep 0.1 &)
sleep 0.5
zombies=1
# On a busy host, the orphan may just have ended.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ "$zombies" = 0 ] || sleep 0.5
	zombies=$(grep -l '^State:.Z' /proc/[0-9]*/status 2> /dev/null | wc -l)
	[ "$zombies" != 0 ] || break
done
say zombies "$zombies"
can terminate-init kill -TERM 1
sleep 0.3
say end reached
