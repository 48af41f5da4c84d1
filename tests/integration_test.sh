#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The functional tests: filtering, policies, sessions and the lifecycle of domains, on devices in
# network namespaces and on real VMs.

set -euo pipefail
cd "$(dirname "$0")/.."

exec make check-integration
