/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device under vmseg's programs.
 */
#ifndef VMSEG_DATAPATH_PORT_H
#define VMSEG_DATAPATH_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "hostd/base/hash.h"
#include "hostd/datapath/attachment/attach.h"
#include "hostd/datapath/objects/objects.h"
#include "hostd/datapath/objects/record.h"

struct filtered_port {
	struct objects *objects;
	struct filtered_device device;
	bool published;            /* port_index has the record */
	bool hooked;               /* programs of this datapath are on the device, or may be */
	bool has_remotes;          /* remote_map has a table in the slot */
	bool changing;             /* is in the update that is being made */
	uint32_t slot;             /* 0: none yet */
	uint32_t record;           /* in port_map, plus one; 0: none yet */
	uint32_t first_generation; /* events of older ones are of the slot's former port */
	uint32_t sessions_wanted;  /* limit asked for: the table may be larger, see resize.c */
	uint32_t session_count;
	uint32_t table_id;   /* the session table's map id; 0: none yet */
	uint32_t table_size; /* its max_entries */
	struct stored_image *image;
	UT_hash_handle hh; /* by device.ifindex */
};

/* A port that has nothing yet but its device. NULL: no memory. */
struct filtered_port *make_port(struct objects *objects, unsigned int ifindex,
				enum attach_method attach);

/* Forgets the port; what it has on the host stays. NULL is allowed. */
void forget_port(struct filtered_port *port);

/* Takes everything of the port off the host, whatever part of it there is: programs, record,
 * sessions, image, slot. Then forgets it. NULL is allowed. */
void dismantle_port(struct filtered_port **pointer);

/* The record that is in force. */
static inline struct port *record_of(const struct filtered_port *port)
{
	return numbered_record(port->objects, port->record);
}

#endif
