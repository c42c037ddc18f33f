#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Does a package registry answer its own client? Runs in the tools root.
#
# usage: ask-registry.sh cargo|go DIRECTORY   DIRECTORY, new, is the client's cache
#
# Exit status: 0, it answers; 75, it does not, and the client says why; 1, the client
# itself does not run.

set -eu

client=$1 folder=$2
mkdir -p "$folder"
cd "$(dirname "$0")/../attest/peers/go"
case $client in
cargo)
	cargo --version > /dev/null || exit 1
	CARGO_HOME=$folder cargo info --quiet --registry crates-io serde > /dev/null || exit 75
	;;
go)
	go version > /dev/null || exit 1
	GOPATH=$folder GOFLAGS='-mod=readonly -modcacherw' \
		go mod download github.com/x448/float16 > /dev/null || exit 75
	;;
*) exit 1 ;;
esac
