/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port records: from a configuration to what the programs read, and from a device to its record.
 */
#ifndef VMSEG_DATAPATH_RECORD_H
#define VMSEG_DATAPATH_RECORD_H

#include "hostd/datapath/objects/objects.h"
#include "hostd/datapath/objects/port_config.h"

/* What follows from the configuration alone: the rest of *ret is zero. */
void fill_record(const struct port_config *config, struct port *ret);

/* Writes the record to a free place; *ret_record is its number plus one. -ENOSPC, -ENOMEM. */
int place_record(struct objects *objects, const struct port *record, uint32_t *ret_record);

/* Frees the place of a record that no packet is judged by any more; 0 is none. */
void drop_record(struct objects *objects, uint32_t record);

/* One store: a packet finds no record before and the whole record after, or the whole old and the
 * whole new one. `record` is its number plus one. Can fail for the first record of an ifindex
 * beyond the array only: -E2BIG, -ENOMEM. */
int publish_record(struct objects *objects, unsigned int ifindex, uint32_t record);

/* The loopback device, which is number 1 in every network namespace. No program is ever on it: a
 * record that is published for it is seen by the dry-run programs only, when they are asked so. */
#define TRIAL_IFINDEX 1

/* From now on the device has no record (a program on it drops everything). */
void unpublish_record(struct objects *objects, unsigned int ifindex);

/* Calls visit for each device that has a record; a negative return value ends it and is returned.
 */
int for_each_record(struct objects *objects,
		    int (*visit)(unsigned int ifindex, uint32_t record, void *context,
				 struct diag *diag),
		    void *context, struct diag *diag);

static inline struct port *numbered_record(const struct objects *objects, uint32_t record)
{
	return &port_records(&objects->memory)[record - 1];
}

#endif
