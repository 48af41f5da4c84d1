/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pins that somebody removed are made again.
 */
#ifndef VMSEG_DATAPATH_RESTORE_PINS_H
#define VMSEG_DATAPATH_RESTORE_PINS_H

#include <stdbool.h>

#include "hostd/base/diag.h"

struct datapath;

/* Makes anew what somebody has removed of the pinned maps and of the directories. Where bpffs was
 * mounted anew, or the root directory removed, all that is still pinned in the old directory is
 * pinned in the new one, too. *ret: something was missing. A link whose own pin was removed has
 * ended with it: see repair_port().
 *
 * Returns 0 or -errno with an error in diag: -ENOTSUP: no bpffs is mounted there any more; -EBUSY:
 * another process has made the directory its own. Until it succeeds, what is pinned lasts as long
 * as this process does. */
int restore_pins(struct datapath *datapath, bool *ret, struct diag *diag);

#endif
