#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The benchmark suite works, and what it counts is right: every packet judged as it should be, no
# hook refused among many, all ports and sessions there after a restart. What it times is not judged.

set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../harness/tap.sh"
BUILD=${BUILD:-$(realpath "$here/../../build")}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
results=$scratch/results
export BUILD SHORT=1

run_part() {
	ONLY=$1 RESULTS=$scratch/part "$here/run.sh" && cat "$scratch/part" >>"$results"
}

check_part() {
	check "$1: $2" run_part "$1"
}

check_part primitives "the pieces of the datapath"
check_part packet "a packet in the programs"
check_part compile "policies of up to 60,000 rules"
check_part devices "two guests and taps, beside nwfilter and nftables; none of a flood is misjudged"
check_part starts "virsh create without, with vmseg, with nwfilter"
check_part scale "100 ports, 150,000 sessions, 100 starts at once, reloads and restarts"
check "every group has its figures" "$here/report.py" check "$results"
check_contains "a run is no worse than itself" ": 0 are more than 10% worse" \
	"$("$here/report.py" compare "$results" "$results")"
cp "$here/../../docs/performance.md" "$scratch/page.md"
check "the page can be filled" "$here/report.py" page "$results" "$scratch/page.md" "$scratch/images"
check_equal "and nothing in it was not measured" "" "$(grep -n 'Not measured' "$scratch/page.md" || true)"
check "with charts" test -s "$scratch/images/tap.svg"
done_testing
