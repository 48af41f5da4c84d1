#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# list-rows.sh LIST FIELD...: prints these fields of each row of bpf/LIST.def, a row on a line. The
# comment at the head of the list names the fields.

set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."
list=bpf/$1.def
shift
head=$(sed -n 's/^ \* \([A-Z]*([a-z_, ]*)\)$/\1/p' "$list")
[ -n "$head" ] || {
	echo "list-rows.sh: $list: no line names the fields of a row" >&2
	exit 1
}
cpp -P - <<-END | tr -d '"'
	#define $head $*
	#include "$list"
END
