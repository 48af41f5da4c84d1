/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making a port and taking it apart.
 */
#include "hostd/datapath/ports/filtered_port.h"

#include <stdlib.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/attachment/attach.h"
#include "hostd/datapath/objects/discard.h"
#include "hostd/datapath/objects/record.h"

struct filtered_port *make_port(struct datapath *datapath, unsigned int ifindex)
{
	struct filtered_port *port = calloc(1, sizeof(*port));

	if (!port)
		return NULL;
	port->datapath = datapath;
	port->ifindex = ifindex;
	port->attach = datapath->attach;
	if (!if_indextoname(ifindex, port->ifname))
		port->ifname[0] = '\0';
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
	struct datapath *datapath;

	if (!port)
		return;
	datapath = port->datapath;
	if (port->hooked)
		detach_programs(port);
	if (port->published) {
		unpublish_record(datapath, port->ifindex);
		/* A packet may still be judged by these, as by the tables in the slot. */
		retire_parts(datapath, port->record, port->image);
	} else {
		drop_record(datapath, port->record);
		release_image(&datapath->images, port->image);
	}
	if (port->slot)
		discard_slot(datapath, port->slot);
	forget_port(port);
}
