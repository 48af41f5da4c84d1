#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Calls that fail while the daemon starts, changes policies and ports, and ends: nothing is open then,
# nothing half in force, nothing left over. FAULTS is how many faults of each scenario are tried (4,
# and half as many where the daemon starts); 0: all, which takes an hour or two. ONLY names scenarios,
# with commas between, POINT one fault as a finding names it.

set -euo pipefail
here=$(dirname "$0")
. "$here/../harness/lab.sh"
. "$here/../harness/hostd.sh"

enter_lab "$@"
exec 3>&1
"$here/faults.py" "$BUILD" "$LAB" --sample "${FAULTS:-4}" --seed "${VMSEG_TEST_SEED:-0}" --only "${ONLY:-}" \
	--point "${POINT:-}"
