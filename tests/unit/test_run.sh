#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tests/run: what it counts, and that nothing that goes wrong looks like success.

set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/harness/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# closing LINE...: runs a program that prints the lines and gives the runner's last line and status.
closing() {
	local status=0 output
	printf '#!/bin/sh\n' >"$work/program"
	printf '%s\n' "$@" >>"$work/program"
	chmod +x "$work/program"
	output=$(CI="${ci:-}" LOGS=$work/log TEST_TIMEOUT=1 tests/run "$work/program") || status=$?
	printf '%s, status %d\n' "${output##*$'\n'}" "$status"
}

check_equal "passes are counted" "2 passed, 0 failed, 0 skipped, status 0" \
	"$(closing "echo 1..2" "echo ok 1 - a" "echo ok 2 - b")"
check_equal "groups of one program add up" "3 passed, 0 failed, 0 skipped, status 0" \
	"$(closing "echo 1..2" "echo ok 1" "echo ok 2" "echo 1..1" "echo ok 1")"
check_equal "a failure fails the run" "1 passed, 1 failed, 0 skipped, status 1" \
	"$(closing "echo 1..2" "echo ok 1" "echo not ok 2 - b" "exit 1")"
check_equal "a failure counts although the program ends with 0" \
	"0 passed, 1 failed, 0 skipped, status 1" \
	"$(closing "echo 1..1" "echo not ok 1 - b")"
check_equal "a crash is a failure of the tests that did not run" \
	"1 passed, 2 failed, 0 skipped, status 1" \
	"$(closing "echo 1..3" "echo ok 1" "kill -9 \$\$")"
check_equal "ending before the plan is a failure" "1 passed, 1 failed, 0 skipped, status 1" \
	"$(closing "echo ok 1")"
check_equal "a bad status after the last test is a failure" \
	"1 passed, 1 failed, 0 skipped, status 1" \
	"$(closing "echo 1..1" "echo ok 1" "exit 3")"
check_equal "running nothing is a failure" "0 passed, 1 failed, 0 skipped, status 1" \
	"$(closing "true")"
check_equal "hanging is a failure" "0 passed, 1 failed, 0 skipped, status 1" \
	"$(closing "exec sleep 60")"
check_equal "a program that is not there is a failure" "0 passed, 1 failed, 0 skipped, status 1" \
	"$(closing "exec $work/nothing")"
check_equal "a skipped test is counted as such" "1 passed, 0 failed, 1 skipped, status 0" \
	"$(closing "echo 1..2" "echo ok 1" "echo ok 2 \# SKIP no device")"
check_equal "so is cmocka's" "0 passed, 0 failed, 1 skipped, status 0" \
	"$(closing "echo 1..1" "echo not ok 1 \# SKIP name")"
check_equal "with CI=true a skipped test is a failure" "1 passed, 1 failed, 0 skipped, status 1" \
	"$(ci=true closing "echo 1..2" "echo ok 1" "echo ok 2 \# SKIP no device")"
check_equal "a run without programs is a failure" "0 passed, 1 failed, 0 skipped" \
	"$(LOGS=$work/log tests/run | tail -n 1)"

done_testing
