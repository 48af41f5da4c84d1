#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The source as its linters see it.

set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../harness/tap.sh"
cd "$here/../.."

for tool in format shell manual tidy; do
	check "make lint-$tool" make --no-print-directory "lint-$tool"
done
done_testing
