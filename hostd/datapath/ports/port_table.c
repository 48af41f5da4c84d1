/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of ports, by ifindex and by slot.
 */
#include "hostd/datapath/ports/port_table.h"

#include <errno.h>

#include "hostd/datapath/attachment/attach_ops.h"
#include "hostd/datapath/ports/datapath_state.h"
#include "hostd/datapath/ports/filtered_port.h"

struct filtered_port *find_filtered_port(const struct datapath *datapath, unsigned int ifindex)
{
	struct filtered_port *port;

	HASH_FIND(hh, datapath->ports, &ifindex, sizeof(ifindex), port);
	return port;
}

bool is_attached(const struct datapath *datapath, unsigned int ifindex)
{
	return find_filtered_port(datapath, ifindex) != NULL;
}

int register_port(struct datapath *datapath, struct filtered_port *port)
{
	HASH_ADD(hh, datapath->ports, device.ifindex, sizeof(port->device.ifindex), port);
	if (!was_added(&port->hh))
		return -ENOMEM;
	datapath->by_slot[port->slot] = port;
	return 0;
}

void unregister_port(struct datapath *datapath, struct filtered_port *port)
{
	HASH_DEL(datapath->ports, port);
	datapath->by_slot[port->slot] = NULL;
}

void for_each_port(struct datapath *datapath, void (*visit)(unsigned int ifindex, void *context),
		   void *context)
{
	const struct filtered_port *port, *next;

	HASH_ITER (hh, datapath->ports, port, next)
		visit(port->device.ifindex, context);
}

unsigned int next_attached_port(const struct datapath *datapath, bool unreported, uint32_t *cursor)
{
	while (*cursor <= datapath->last_slot) {
		const struct filtered_port *port = datapath->by_slot[(*cursor)++];

		if (port &&
		    !(unreported && attach_ops_of(port->device.attach)->removal_is_reported))
			return port->device.ifindex;
	}
	return 0;
}

int check_room(const struct datapath *datapath, uint32_t more, const char *device,
	       struct diag *diag)
{
	const struct filtered_port *port, *next;
	uint32_t count = more;

	HASH_ITER (hh, datapath->ports, port, next)
		count += port->sessions_wanted > 0;
	if (count <= datapath->max_ports)
		return 0;
	return fail(diag, ENOSPC, device, 0,
		    "all %u ports are in use: increase max-ports, see vmseg-hostd.conf(5)",
		    datapath->max_ports);
}
