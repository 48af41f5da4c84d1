#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# coverage.sh BUILD: prints, for each folder of hostd/ and in total, the share of lines that ran in a build
# with COVERAGE=1. Only .c files count. A file that no test has linked counts with no line executed.

set -euo pipefail

build=$1

# gcov prints for each source of an object: File 'hostd/base/diag.c', Lines executed:97.30% of 74.
find "$build/hostd" "$build/hooks" -name '*.gcno' -exec gcov --no-output {} + 2>/dev/null |
	awk -F"['%: ]+" '
	/^File / { file = $2 }
	/^Lines executed/ && file ~ /^(hostd|hooks)\/.*\.c$/ {
		folder = file
		sub(/\/[^\/]*$/, "", folder)
		ran = $3 * $5 / 100
		executed[folder] += ran
		lines[folder] += $5
		all_executed += ran
		all_lines += $5
		file = ""
	}
	END {
		for (folder in lines)
			printf "%-28s %6.2f%% of %6d lines\n", folder,
				100 * executed[folder] / lines[folder], lines[folder] | "sort"
		close("sort")
		if (!all_lines) {
			print "coverage: there is no build with COVERAGE=1" >"/dev/stderr"
			exit 1
		}
		printf "%-28s %6.2f%% of %6d lines\n", "total", 100 * all_executed / all_lines, all_lines
	}'
