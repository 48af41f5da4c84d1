#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Linux 6.12, of Debian's trixie.

exec "$(dirname "$(realpath "$0")")/run-kernel.sh" trixie
