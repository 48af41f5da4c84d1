#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every reason of bpf/reasons.def is met, as expected, by some test of the BPF programs: a reason
# that nobody tests fails here.

set -euo pipefail

here=$(dirname "$(realpath "$0")")
# shellcheck source=tests/harness/tap.sh
. "$here/../harness/tap.sh"

build=${BUILD:-$here/../../build}
seen=$(mktemp)
trap 'rm -f "$seen"' EXIT

for program in "$build"/tests/bpf/test_*; do
	[[ $program != *.* ]] || continue
	VMSEG_REASONS_SEEN=$seen "$program" >/dev/null 2>&1 || true
done
while read -r reason; do
	check "$reason is met" grep -qx "$reason" "$seen"
done < <("$here/list-reasons.sh")
done_testing
