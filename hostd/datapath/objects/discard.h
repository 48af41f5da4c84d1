/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots that no port has any more, with whatever tables are left in them. Taking out a table waits
 * for running programs, so that is done one slot at a time when nobody waits for it: see
 * tidy_datapath().
 */
#ifndef VMSEG_DATAPATH_DISCARD_H
#define VMSEG_DATAPATH_DISCARD_H

#include <stdbool.h>
#include <stdint.h>

struct datapath;

/* No record names the slot any more, and it is still taken in the pool. Cannot fail. */
void discard_slot(struct datapath *datapath, uint32_t slot);

/* Gives back what detached ports have left, one slot a call, which waits some 10 ms for running
 * programs. Tidy: there is nothing to give back. */
void tidy_datapath(struct datapath *datapath);
bool is_tidy(const struct datapath *datapath);

#endif
