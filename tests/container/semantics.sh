#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317,SC2329 # functions are called by check
# What the program of a container image finds in an enclave: the rows of the table "The
# process" in Documentation/eif.rst. Three enclaves print all of them: one runs as a user, one
# as root, and one as with nitro-cli and AWS's init, whose values are those that its source
# gives.

set -eu
# shellcheck source=../lib/enclave.sh
. "$(dirname "$0")/../lib/enclave.sh"

need_program ne-emu python3 busybox
need_host 160
need_daemon

kernel=/usr/share/ne-emu/bzImage
applets='awk cat cp env find grep id kill ls mkdir nc readlink sed sh sleep sort stat tail
	timeout touch tr true umask wc'

# image NAME CONFIG - an image with busybox and the probe
image() {
	{
		printf '{ "config": %s, "files": [' "$2"
		for applet in $applets; do
			printf '{ "path": "bin/%s", "link": "busybox" },' "$applet"
		done
		cat <<-END
			{ "path": "bin/busybox", "copy": "$(command -v busybox)", "mode": "755" },
			{ "path": "bin/set-user", "text": "x", "mode": "4755" },
			{ "path": "usr/local/bin/probe", "copy": "$here/../container/lib/probe.sh",
			  "mode": "755" },
			{ "path": ".dockerenv", "text": "" },
			{ "path": "etc/hostname", "text": "builder" },
			{ "path": "etc/hosts", "text": "127.0.0.1 builder" },
			{ "path": "etc/passwd",
			  "text": "root:x:0:0::/root:/bin/sh\napp:x:1000:100::/home/app:/bin/sh\n" },
			{ "path": "etc/group", "text": "users:x:100:\nextra:x:7:app\n" },
			{ "path": "tmp/covered", "text": "x" },
			{ "path": "tmp/app", "mode": "750", "owner": 1000 }
			] }
		END
	} > "$tmp/$1.json"
	python3 "$here/../container/lib/layout.py" "$tmp/$1" < "$tmp/$1.json"
}

# probe NAME CONFIG [OPTION]... - run the image; its console goes to $tmp/NAME.out
probe() {
	probe_name=$1
	image "$1" "$2"
	shift 2
	ne-emu eif build --kernel "$kernel" --image "$tmp/$probe_name" -o "$tmp/$probe_name.eif" \
		"$@" > "$tmp/$probe_name.build" 2>&1 || return 1
	timeout 120 ne-emu run --memory 256 --debug --console "$tmp/$probe_name.eif" 2>&1 \
		< /dev/null | tr -d '\r' > "$tmp/$probe_name.out"
	grep -a -q '^@@end reached' "$tmp/$probe_name.out"
}

as_user() {
	probe user '{ "User": "app", "WorkingDir": "/tmp/app", "Entrypoint": ["probe"],
		"Cmd": ["one argument"], "Env": ["PATH=/usr/local/bin:/bin", "A=1"] }'
}

as_root() {
	probe root '{ "WorkingDir": "/run/new/one", "Cmd": ["probe", "one argument"] }'
}

as_nitro_cli() {
	probe nitro '{ "User": "app", "WorkingDir": "/tmp/app", "Entrypoint": ["/bin/false"],
		"Cmd": ["/usr/local/bin/probe", "one argument"],
		"Env": ["PATH=/usr/local/bin:/bin", "A=1"] }' --like nitro-cli
}

# found NAME ROW - what an enclave printed
found() {
	sed -n "s|^@@$2 ||p;s|^@@$2\$||p" "$tmp/$1.out" | tail -n 1 | sed 's/ *$//'
}

# compare ROW USER ROOT NITRO
compare() {
	compare_row=$1 compare_result=0
	for compare_name in user root nitro; do
		shift
		[ "$(found "$compare_name" "$compare_row")" = "$1" ] && continue
		echo "$compare_name: \"$(found "$compare_name" "$compare_row")\", not \"$1\""
		compare_result=1
	done
	return "$compare_result"
}

# row NAME USER ROOT NITRO - a row of the table
row() {
	check "$1" compare "$@"
}

# all NAME VALUE - a row with the same value in all enclaves
all() {
	row "$1" "$2" "$2" "$2"
}

warnings() {
	cat "$tmp/user.build"
	grep -q 'warning: 1 files are not visible in the enclave.*(/tmp/covered)' "$tmp/user.build"
	grep -q 'warning: probe is found here, but not after "nitro-cli build-enclave"' \
		"$tmp/user.build"
}

check_each as_user as_root as_nitro_cli
check 'warnings of the build' warnings

container_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
every_capability=000001ffffffffff
none=0000000000000000
device='rw,nosuid,noexec'
data='rw,nosuid,nodev,noexec'

all arguments '1 one argument'
row identity 1000:100:'100 7' 0:0:0 0:0:0
row home /home/app /root unset
row path /usr/local/bin:/bin $container_path /usr/local/bin:/bin
row variables 'A HOME PATH' 'HOME PATH' 'A PATH'
row directory '/tmp/app 1000:1000:750' '/run/new/one 0:0:755' '/ 0:0:755'
all directory-write yes
all mask 0022
row host-name localhost localhost '(none)'

all hosts '127.0.0.1 localhost ::1 localhost'
all resolver 0
all docker-file no
all host-name-file no
all mount-table /proc/mounts

row loopback 0x9 0x9 0x8
row address yes yes no
row name yes yes no
row name-6 yes yes no
row port yes yes no
row ping '0	2147483647' '0	2147483647' '1	0'

all mount/dev "dev devtmpfs $device,mode=755"
all mount/proc "proc proc $data"
all mount/sys "sysfs sysfs $data"
all mount/dev/pts "devpts devpts $device,mode=600,ptmxmode=000"
all mount/dev/shm "shm tmpfs $data"
all mount/run "tmpfs tmpfs $data,mode=755"
all mount/tmp "tmpfs tmpfs $data"
row mount/dev/mqueue "mqueue mqueue $data" "mqueue mqueue $data" ''
row mount/sys/fs/cgroup "cgroup cgroup2 $data" "cgroup cgroup2 $data" \
	"cgroup_root tmpfs $data,mode=755"
row cgroup-2 yes yes no
row cgroup-1 no no yes
all mounts-masked 0
all execute-tmp no
all execute-shm no
all execute-run no
row write-root no yes yes
all covered no
all mode 4755

for node in null zero full random urandom tty ptmx; do
	all "device-$node" 666
done
all device-nsm yes
row device-vsock yes yes yes
all terminals yes
all link-fd /proc/self/fd
all link-stdin /proc/self/fd/0
all link-stdout /proc/self/fd/1
all link-stderr /proc/self/fd/2

for number in 0 1 2; do
	row "stream-$number" 1000:600 0:600 0:600
done
all stdout yes
all stderr yes
all descriptor yes
all input terminal

all pid other
all parent 1
all group leader
all session leader
all terminal 0
# The shell itself ignores SIGQUIT.
all signals "$none 0000000000000004"
row capabilities "$none $none $none $none" \
	"$none $every_capability $every_capability $none" \
	"$none $every_capability $every_capability $none"
all bounding $every_capability
all privileges 0
all seccomp 0
all files '1024 4096'
all core '0 unlimited'
all memory-killer 0
all zombies 0
row terminate-init no yes yes
finish
