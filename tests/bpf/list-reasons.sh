#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# list-reasons.sh: the names of all reasons of bpf/reasons.def, one a line.

sed -n 's/^REASON([A-Z_0-9]*, "\([^"]*\)".*/\1/p' "$(dirname "$(realpath "$0")")/../../bpf/reasons.def"
