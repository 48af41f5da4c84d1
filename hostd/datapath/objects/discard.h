/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots that no port has any more, with whatever tables are left in them. Taking out a table waits
 * for running programs, so that is done one slot at a time when nobody waits for it: see
 * free_slot().
 */
#ifndef VMSEG_DATAPATH_DISCARD_H
#define VMSEG_DATAPATH_DISCARD_H

#include <stdbool.h>
#include <stdint.h>

struct objects;

/* No record names the slot any more, and it is still taken in the pool. Cannot fail. */
void discard_slot(struct objects *objects, uint32_t slot);

/* Frees one slot, which waits some 10 ms for running programs. */
void free_slot(struct objects *objects);

/* False: there is no slot to free, or freeing one has failed a moment ago. */
bool can_free_slot(const struct objects *objects);

#endif
