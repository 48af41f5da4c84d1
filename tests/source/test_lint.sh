#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The source as its linters see it.

set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../harness/tap.sh"
cd "$here/../.."

# Without clang-tidy's count, for each file, of the findings that it leaves out.
lint() {
	make --no-print-directory "lint-$1" 2> >(grep -v 'warnings\? generated\.$' >&2)
}

for tool in format shell manual tidy; do
	check "make lint-$tool" lint "$tool"
done
done_testing
