#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Linux 6.1, of Debian's bookworm.

exec "$(dirname "$(realpath "$0")")/run-kernel.sh" bookworm
