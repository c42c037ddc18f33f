#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks whether a package registry answers its client. Runs in the tools root.
#
# usage: ask-registry.sh cargo|go DIRECTORY   the client's cache, to be created
#
# Exit status: 0 if it answers; 75 if it does not, with a message of the client; 1 if the
# client does not run.

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
