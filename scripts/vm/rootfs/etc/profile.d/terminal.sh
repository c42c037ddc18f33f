# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The size of the host's terminal, which a virtio console does not know.
[ -z "${LINES-}" ] || stty rows "$LINES" cols "$COLUMNS" 2> /dev/null
