#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fuzzes what comes from outside, FUZZ_SECONDS (10) each, from the shipped policies and the corpus.
# A finding is left in $LOGS as crash-*: with it the test is repeated by running the fuzzer on it.

set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../harness/tap.sh"
cd "$here/../.."

FUZZERS=${FUZZERS:-build-fuzz/tests/fuzz}
LOGS=${LOGS:-$FUZZERS}
SECONDS_EACH=${FUZZ_SECONDS:-10}
mkdir -p "$LOGS"

# fuzz NAME SEEDS...: new inputs go to a folder of the build.
fuzz() {
	local name=$1 found=$FUZZERS/corpus-$1
	shift
	mkdir -p "$found"
	"$FUZZERS/fuzz_$name" -max_total_time="$SECONDS_EACH" -timeout=10 -max_len=65536 \
		-rss_limit_mb=4096 -print_final_stats=1 -artifact_prefix="$LOGS/" \
		-dict="$here/xml.dict" "$found" "$@" >"$LOGS/fuzz-$name.log" 2>&1
}

check "policies and sets, ${SECONDS_EACH} s" fuzz policy policies tests/golden
check "domains, ${SECONDS_EACH} s" fuzz domain tests/fuzz/corpus/domain
sed -n 's/^stat::number_of_executed_units: */# inputs tried: /p' "$LOGS"/fuzz-*.log
done_testing
