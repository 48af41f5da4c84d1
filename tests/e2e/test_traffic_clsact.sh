#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Traffic between VMs, with the programs attached by clsact.

set -euo pipefail
. "$(dirname "$0")/traffic.sh"

enter_lab "$@"
run_traffic clsact
