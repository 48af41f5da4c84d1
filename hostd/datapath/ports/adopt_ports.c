/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adoption: port_index says which devices have records, a record says slot, generation and image,
 * session_map has the sessions by slot, and the pins say how the programs are attached.
 */
#include "hostd/datapath/ports/adopt_ports.h"

#include <errno.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/objects/discard.h"
#include "hostd/datapath/objects/program_wait.h"
#include "hostd/datapath/objects/record.h"
#include "hostd/datapath/ports/datapath_state.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "hostd/datapath/ports/port_sessions.h"
#include "hostd/datapath/ports/port_table.h"
#include "vmseg.skel.h"

/* Events of this many generations before are taken to be the same port's. */
#define GENERATIONS_BACK (1U << 30)

static void release_port(struct filtered_port **port)
{
	forget_port(*port);
}

static int session_map(const struct objects *objects)
{
	return bpf_map__fd(objects->skeleton->maps.session_map);
}

static int remote_map(const struct objects *objects)
{
	return bpf_map__fd(objects->skeleton->maps.remote_map);
}

/* Enters the parts that the port has in the pools: each may belong to one port only, but for
 * images. */
static int claim_parts(struct filtered_port *port)
{
	struct objects *objects = port->objects;
	const struct port *record;
	int r;

	r = claim_range(&objects->records, port->record - 1, 1);
	if (r < 0)
		return r;
	record = record_of(port);
	if (!record->slot)
		return -ERANGE;
	r = claim_range(&objects->slots, record->slot, 1);
	if (r < 0)
		return r;
	port->slot = record->slot;
	r = adopt_image(&objects->images, record->image, &port->image);
	if (r < 0)
		return r;
	r = find_table(port);
	if (r < 0 && !(r == -ENOENT && (record->flags & PORT_QUARANTINE)))
		return r;
	port->sessions_wanted = port->table_size;
	port->has_remotes = has_inner_table(remote_map(objects), port->slot);
	return 0;
}

static int adopt_port(unsigned int ifindex, uint32_t record_number, void *context,
		      struct diag *diag)
{
	struct datapath *datapath = context;
	_cleanup_(release_port) struct filtered_port *port =
		make_port(&datapath->objects, ifindex, datapath->attach);
	const struct port *record;
	int r;

	if (!port)
		return fail_memory(diag, NULL);
	if (ifindex == TRIAL_IFINDEX) {
		/* The last daemon ended in the midst of a question. */
		unpublish_record(&datapath->objects, ifindex);
		return 0;
	}
	port->record = record_number;
	r = claim_parts(port);
	if (r == -ENOMEM)
		return fail_memory(diag, NULL);
	if (r < 0)
		return fail(diag, EUCLEAN, datapath->objects.pins.root, 0,
			    "the pinned maps are inconsistent for device %u (record %u)", ifindex,
			    record_number);
	record = record_of(port);
	port->published = true;
	port->hooked = true;
	port->device.reversed = record->flags & PORT_REVERSED;
	port->device.owns_qdisc = record->flags & PORT_OWNS_QDISC;
	port->device.attach = find_attach(&datapath->objects, ifindex, datapath->attach);
	port->first_generation = record->generation - GENERATIONS_BACK;
	if ((int32_t)(record->generation - datapath->generation) > 0)
		datapath->generation = record->generation;
	if (register_port(datapath, port) < 0)
		return fail_memory(diag, NULL);
	TAKE_PTR(port);
	return 0;
}

int adopt_ports(struct datapath *datapath, struct diag *diag)
{
	return for_each_record(&datapath->objects, adopt_port, datapath, diag);
}

static bool has_any_table(const struct datapath *datapath, uint32_t slot)
{
	return has_inner_table(session_map(&datapath->objects), slot) ||
	       has_inner_table(remote_map(&datapath->objects), slot);
}

void remove_leftovers(struct datapath *datapath)
{
	for (uint32_t slot = 1; slot <= datapath->last_slot; slot++)
		if (!datapath->by_slot[slot] && has_any_table(datapath, slot) &&
		    claim_range(&datapath->objects.slots, slot, 1) == 0)
			discard_slot(&datapath->objects, slot);
}
