#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Linux 5.10, of Debian's bullseye.

exec "$(dirname "$(realpath "$0")")/run-kernel.sh" bullseye
