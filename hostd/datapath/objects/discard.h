/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots that no port has any more, with whatever tables are left in them. Taking out a table waits
 * for running programs, so that is done one slot at a time when nobody waits for it: see
 * tidy_slots().
 */
#ifndef VMSEG_DATAPATH_DISCARD_H
#define VMSEG_DATAPATH_DISCARD_H

#include <stdbool.h>
#include <stdint.h>

struct objects;

/* No record names the slot any more, and it is still taken in the pool. Cannot fail. */
void discard_slot(struct objects *objects, uint32_t slot);

/* Gives one slot back, which waits some 10 ms for running programs. Tidy: there is none to give
 * back, or that has failed a moment ago. */
void tidy_slots(struct objects *objects);
bool are_slots_tidy(const struct objects *objects);

#endif
