/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots that no port has any more, with whatever tables are left in them. Taking out a table waits
 * for running programs, so that is done one slot at a time when nobody waits for it: see
 * tidy_datapath().
 */
#ifndef VMSEG_DATAPATH_DISCARD_H
#define VMSEG_DATAPATH_DISCARD_H

#include <stdint.h>

struct datapath;

/* No record names the slot any more, and it is still taken in the pool. Cannot fail. */
void discard_slot(struct datapath *datapath, uint32_t slot);

#endif
