/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting until no program runs that began before, and what waits for that.
 *
 * The kernel waits in every change of a map of maps, some 10 ms. Records and images that are not in
 * force any more, but that a running program may still read, are retired, and given back at the
 * next wait, whatever that is made for: the end of a quarantine, which is a step in every start of
 * a VM, then needs no wait of its own.
 */
#ifndef VMSEG_DATAPATH_PROGRAM_WAIT_H
#define VMSEG_DATAPATH_PROGRAM_WAIT_H

#include <stdbool.h>
#include <stdint.h>

struct objects;
struct stored_image;

/* Puts a table in a slot of a map of tables, or takes it out; waits until no program uses the
 * former one. Taking out waits in any case, and succeeds where there is none. 0 or -errno. */
int put_inner_table(struct objects *objects, int map, uint32_t slot, int table);
int drop_inner_table(struct objects *objects, int map, uint32_t slot);
bool has_inner_table(int map, uint32_t slot);

/* Returns when every program that runs now has ended (some 10 ms): what was unpublished before may
 * then be used again. */
void wait_for_programs(struct objects *objects);

/* Gives the record (its number plus one) and the image back at the next wait. Waits itself only if
 * too many are retired already. */
void retire_parts(struct objects *objects, uint32_t record, struct stored_image *image);

#endif
