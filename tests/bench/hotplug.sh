#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How long a new tap passes frames before vmseg-hostd has closed it: the taps of time_closing, with
# libvirt connected and vmseg-hostd idle. TAPS of them (50). Frames of before the bridge has the tap
# do not exist, so none-passed is what counts.

set -euo pipefail
here=$(dirname "$0")
. "$here/../harness/lab.sh"
. "$here/../harness/libvirt.sh"
. "$here/../harness/hostd.sh"
. "$here/../harness/vm.sh"

enter_lab "$@"
add_bridge "$VM_BRIDGE" "$VM_NET4.1/24"
start_libvirtd
start_hostd
wait_for 30 libvirt_connected
"$TOOLS/time_closing" -n "${TAPS:-50}" "$VM_BRIDGE"
