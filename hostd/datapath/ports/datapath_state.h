/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The open datapath: its kernel objects, and the tables of its ports.
 */
#ifndef VMSEG_DATAPATH_STATE_H
#define VMSEG_DATAPATH_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "hostd/base/hash.h"
#include "hostd/datapath/attachment/attach_method.h"
#include "hostd/datapath/objects/objects.h"

struct datapath {
	struct objects objects;
	enum attach_method attach; /* for new ports */
	bool adopted;
	uint32_t max_ports; /* that may have sessions: see check_room() */
	uint32_t last_slot;
	uint32_t generation; /* last one given out; one count for all ports */

	struct filtered_port *ports;    /* hash by ifindex */
	struct filtered_port **by_slot; /* last_slot + 1 of them */
	struct former_port *former;     /* hash of devices that are not in `ports` */
	struct reserve *reserve;
	struct sweep *sweep;
	struct event_ring *events;
};

#endif
