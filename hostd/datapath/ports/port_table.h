/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of attached ports.
 */
#ifndef VMSEG_DATAPATH_PORT_TABLE_H
#define VMSEG_DATAPATH_PORT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "hostd/base/diag.h"

struct datapath;
struct filtered_port;

bool is_attached(const struct datapath *datapath, unsigned int ifindex);

/* Goes through the ports, while ports may come and go: *cursor begins at 0. `unreported`: only
 * those whose programs can be removed without a message from the kernel. Returns an ifindex, or 0
 * at the end. */
unsigned int next_attached_port(const struct datapath *datapath, bool unreported, uint32_t *cursor);

/* Every attached port, also those taken over; the callback must not attach or detach. */
void for_each_port(struct datapath *datapath, void (*visit)(unsigned int ifindex, void *context),
		   void *context);

/* The port of a device, or NULL. */
struct filtered_port *find_filtered_port(const struct datapath *datapath, unsigned int ifindex);

/* Is there room for so many ports more that have sessions? A closed port has none, and does not
 * count: so that a device that comes when all ports are taken can still be closed. Returns 0 or
 * -ENOSPC with an error in diag. */
int check_room(const struct datapath *datapath, uint32_t more, const char *device,
	       struct diag *diag);

/* Enters the port into the tables by ifindex and slot, and takes it out. -ENOMEM: it is not in. */
int register_port(struct datapath *datapath, struct filtered_port *port);
void unregister_port(struct datapath *datapath, struct filtered_port *port);

#endif
