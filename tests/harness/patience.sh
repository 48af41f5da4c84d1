# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# patience.sh: how long is waited for what must come. A wait ends when it comes, so a long one costs
# nothing but where the test fails; a short one fails on a machine that has much else to do.

LEAST_PATIENCE=120

# deadline_in SECONDS: prints the value of SECONDS at which to give up.
deadline_in() {
	echo $((SECONDS + ($1 > LEAST_PATIENCE ? $1 : LEAST_PATIENCE)))
}
