/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making a port and taking it apart.
 */
#include "hostd/datapath/ports/filtered_port.h"

#include <stdlib.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/attachment/attach.h"
#include "hostd/datapath/objects/discard.h"
#include "hostd/datapath/objects/program_wait.h"
#include "hostd/datapath/objects/record.h"

struct filtered_port *make_port(struct objects *objects, unsigned int ifindex,
				enum attach_method attach)
{
	struct filtered_port *port = calloc(1, sizeof(*port));

	if (!port)
		return NULL;
	port->objects = objects;
	port->device.ifindex = ifindex;
	port->device.attach = attach;
	if (!if_indextoname(ifindex, port->device.name))
		port->device.name[0] = '\0';
	return port;
}

void forget_port(struct filtered_port *port)
{
	free(port);
}

/* Programs first, so that a guest that still runs is not cut off by a missing record. */
void dismantle_port(struct filtered_port **pointer)
{
	struct filtered_port *port = TAKE_PTR(*pointer);
	struct objects *objects;

	if (!port)
		return;
	objects = port->objects;
	if (port->hooked)
		objects->has_dead_links |= detach_programs(objects, &port->device) < 0;
	if (port->published) {
		unpublish_record(objects, port->device.ifindex);
		/* A packet may still be judged by these, as by the tables in the slot. */
		retire_parts(objects, port->record, port->image);
	} else {
		drop_record(objects, port->record);
		release_image(&objects->images, port->image);
	}
	if (port->slot)
		discard_slot(objects, port->slot);
	forget_port(port);
}
