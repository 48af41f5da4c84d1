#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every complaint about a policy is met, word by word, by some unit test: one that nobody expects
# fails here.

set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/harness/tap.sh

# What only a fault of the machine brings about, or the reader's second line of defence: libxml2 lets
# neither entities nor other kinds of nodes through where no document type declares them.
is_beyond_tests() {
	case $1 in
	'out of memory' | \
		'attribute "%s" is not plain text' | \
		'it contains something other than elements' | \
		'the schema cannot be applied') return 0 ;;
	esac
	return 1
}

count=0
while IFS=$'\t' read -r state place message; do
	is_beyond_tests "$message" && continue
	check_equal "$place: $message" tested "$state"
	count=$((count + 1))
done < <(tests/unit/list-messages.py)
check "the messages are found" test "$count" -ge 60
done_testing
