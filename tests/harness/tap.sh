# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tap.sh: test results as TAP. A script reports each case with one of the functions below and ends
# with done_testing; a case that fails does not stop the script.

. "${BASH_SOURCE[0]%/*}/patience.sh"

tap_count=0
tap_failed=0

# report STATUS DESCRIPTION [OUTPUT]: one result; OUTPUT explains a failure.
report() {
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		printf 'ok %d - %s\n' "$tap_count" "$2"
		return
	fi
	tap_failed=$((tap_failed + 1))
	printf 'not ok %d - %s\n' "$tap_count" "$2"
	[ -z "${3:-}" ] || head -n 40 <<<"$3" | sed 's/^/# /'
}

# check DESCRIPTION COMMAND...: the command succeeds.
check() {
	local description=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	report "$status" "$description" "$* ended with status $status"$'\n'"$output"
}

# check_fails DESCRIPTION COMMAND...: the command fails.
check_fails() {
	local description=$1 output status=0
	shift
	output=$("$@" 2>&1) || status=$?
	report $((status == 0)) "$description" "$* succeeded"$'\n'"$output"
}

# check_equal DESCRIPTION EXPECTED ACTUAL
check_equal() {
	report "$([ "$2" = "$3" ]; echo $?)" "$1" "expected: $2"$'\n'"but got:  $3"
}

# check_contains DESCRIPTION PART TEXT
check_contains() {
	report "$([[ "$3" == *"$2"* ]]; echo $?)" "$1" "expected in it: $2"$'\n'"but got: $3"
}

# check_soon SECONDS DESCRIPTION COMMAND...: the command succeeds, at the latest after so many seconds
# or more (patience.sh). For what other processes bring about.
check_soon() {
	local description=$2 deadline output status
	deadline=$(deadline_in "$1")
	shift 2
	while :; do
		status=0
		output=$("$@" 2>&1) || status=$?
		((status != 0 && SECONDS < deadline)) || break
		sleep 0.1
	done
	report "$status" "$description" "$* ended with status $status"$'\n'"$output"
}

done_testing() {
	printf '1..%d\n' "$tap_count"
	[ "$tap_failed" -eq 0 ]
}
