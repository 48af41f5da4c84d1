#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# list-reasons.sh: the names of all reasons of bpf/all_reasons.def, one a line.

set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../.."
cpp -P - <<-END | tr -d '" '
	#define REASON(identifier, name, verdict, policy, help) name
	#include "bpf/all_reasons.def"
END
