#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The tracker against real stacks: random sequences of connections, with segments lost, doubled,
# delayed, damaged, cut in fragments and forged on the way, once between two stacks alone and once
# with a filtered port at each of them. How each connection ends must be the same.
#
# SEQUENCES (2000) says how many; VMSEG_TEST_SEED repeats a run, FIRST one from its sequence of that
# number on. OPTIONS go to tests/stacks/differential.

set -euo pipefail
. "$(dirname "$0")/lanes.sh"

enter_lab "$@"
need jq

add_plain_lane plain
add_filtered_lane filtered
filter_lane

# shellcheck disable=SC2086 # OPTIONS are several
differential() {
	"$BUILD/tests/stacks/differential" "${SEQUENCES:-2000}" --first "${FIRST:-0}" \
		${VMSEG_TEST_SEED:+--seed "$VMSEG_TEST_SEED"} ${OPTIONS:-} >"$LAB/differential.log"
}

check "sequences end as they do without ports" differential
grep -E '^(seed|[0-9]+ sequences)' "$LAB/differential.log" | sed 's/^/# /'
grep '^fault' "$LAB/differential.log" | head -n 40 | sed 's/^/# /' || true
[ -z "${OPTIONS:-}" ] || sed 's/^/# /' "$LAB/differential.log"
list_counters | sed 's/^/# /'

# A wire without trouble would show nothing.
check "some forged segments were out of the window" [ "$(counter left0 in guard-tcp-window)" -gt 0 ]
check "and some out of state" [ "$(counter left0 in tcp-state)" -gt 0 ]

done_testing
