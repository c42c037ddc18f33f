#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a container image of this machine's Python and app.py, as "docker save" writes it. The
# first layer has what the Debian packages have, and the second one the program.
#
# usage: image.sh ARCHIVE

set -eu

archive=$1
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

packages="base-files dash libc6 libexpat1 libpython3.13-minimal python3-minimal
	python3.13-minimal zlib1g"

# Without what the administrator of this machine has removed.
files_of_packages() {
	# shellcheck disable=SC2086 # a list
	dpkg -L $packages | sort -u | grep -vx '/\.' | while read -r file; do
		[ ! -e "$file" ] || echo ".$file"
	done
}

# add NAME - $tmp/NAME.tar becomes a layer
add() {
	hash=$(sha256sum < "$tmp/$1.tar" | cut -d ' ' -f 1)
	mkdir "$tmp/image/$hash"
	mv "$tmp/$1.tar" "$tmp/image/$hash/layer.tar"
	layers="${layers-}${layers:+, }\"$hash/layer.tar\""
	diff_ids="${diff_ids-}${diff_ids:+, }\"sha256:$hash\""
}

mkdir -p "$tmp/image" "$tmp/app/app" "$tmp/app/etc"
files_of_packages | tar -C / -c --no-recursion --owner=0 --group=0 -T - -f "$tmp/packages.tar"
add packages
cp "$here/app.py" "$tmp/app/app/"
cp /usr/share/base-passwd/passwd.master "$tmp/app/etc/passwd"
cp /usr/share/base-passwd/group.master "$tmp/app/etc/group"
tar -C "$tmp/app" -c --owner=0 --group=0 -f "$tmp/app.tar" ./app ./etc
add app

cat > "$tmp/config.json" <<END
{
	"architecture": "amd64",
	"os": "linux",
	"config": {
		"User": "nobody",
		"Env": ["PATH=/usr/bin:/bin", "PYTHONUNBUFFERED=1"],
		"WorkingDir": "/app",
		"Entrypoint": ["python3", "app.py"],
		"Cmd": ["hello"]
	},
	"rootfs": { "type": "layers", "diff_ids": [$diff_ids] }
}
END
config=$(sha256sum < "$tmp/config.json" | cut -d ' ' -f 1).json
mv "$tmp/config.json" "$tmp/image/$config"
echo "[{\"Config\": \"$config\", \"RepoTags\": [\"app:1\"], \"Layers\": [$layers]}]" \
	> "$tmp/image/manifest.json"
tar -C "$tmp/image" -c --owner=0 --group=0 -f "$archive" .
