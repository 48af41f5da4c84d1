/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching and detaching ports.
 */
#include "hostd/datapath/ports/attach_port.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/attachment/attach.h"
#include "hostd/datapath/attachment/queue.h"
#include "hostd/datapath/objects/discard.h"
#include "hostd/datapath/objects/libbpf_log.h"
#include "hostd/datapath/objects/load.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/objects/record.h"
#include "hostd/datapath/objects/session_table.h"
#include "hostd/datapath/ports/datapath_state.h"
#include "hostd/datapath/ports/draft_record.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "hostd/datapath/ports/former.h"
#include "hostd/datapath/ports/port_sessions.h"
#include "hostd/datapath/ports/port_table.h"
#include "hostd/datapath/ports/remotes.h"
#include "hostd/datapath/ports/reserve.h"
#include "hostd/datapath/ports/restore_pins.h"
#include "vmseg.skel.h"

/* What a former port left in the slot's places. */
static int zero_slot(const struct filtered_port *port)
{
	const struct objects *objects = port->objects;

	memset(&port_states(&objects->memory)[port->slot], 0, sizeof(struct port_state));
	return bpf_map_update_elem(bpf_map__fd(objects->skeleton->maps.stats_map), &port->slot,
				   zero_per_cpu(&objects->per_cpu), BPF_ANY);
}

static int take_free_slot(struct datapath *datapath, struct filtered_port *port)
{
	struct objects *objects = &datapath->objects;
	uint32_t slot;
	int r = take_range(&objects->slots, 1, &slot);

	if (r == -ENOSPC)
		drop_reserve(datapath);
	while (r == -ENOSPC && can_free_slot(objects)) {
		free_slot(objects);
		r = take_range(&objects->slots, 1, &slot);
	}
	if (r == 0)
		port->slot = slot;
	return r;
}

static int take_slot(struct datapath *datapath, struct filtered_port *port,
		     const struct port_config *config, struct diag *diag)
{
	int r = config->limits[LIMIT_SESSIONS] ? check_room(datapath, 1, port->device.name, diag)
					       : 0;

	if (r < 0)
		return r;
	r = take_reserved_slot(datapath, port, config) ? 0 : take_free_slot(datapath, port);
	if (r == -ENOSPC)
		return fail(diag, ENOSPC, port->device.name, 0,
			    "all %u ports and %u closed ones are in use: increase max-ports, see "
			    "vmseg-hostd.conf(5)",
			    datapath->max_ports, CLOSED_PORTS_MORE);
	if (r < 0)
		return r;
	r = zero_slot(port);
	return r < 0 ? fail(diag, -r, port->device.name, 0, "cannot reset the counters: %s",
			    strerror(-r))
		     : 0;
}

static int give_tables(struct filtered_port *port, const struct port_config *config,
		       struct diag *diag)
{
	_cleanup_close_ int table = -1;
	int r;

	if (!config->limits[LIMIT_SESSIONS] ||
	    port->table_size) /* quarantine; a slot from the reserve */
		return 0;
	table = make_table(config->limits[LIMIT_SESSIONS]);
	r = table < 0 ? table : put_table(port, table);
	if (r < 0)
		return fail(diag, -r, port->device.name, 0,
			    "cannot create a table of %u sessions: %s",
			    config->limits[LIMIT_SESSIONS], strerror(-r));
	port->sessions_wanted = config->limits[LIMIT_SESSIONS];
	if (!config->limits[LIMIT_SESSIONS_PER_REMOTE])
		return 0;
	r = make_remotes(port);
	return r < 0 ? fail(diag, -r, port->device.name, 0,
			    "cannot create a table of sessions by remote address: %s", strerror(-r))
		     : 0;
}

/* Publishes the port's first record. */
static int give_record(struct datapath *datapath, struct filtered_port *port,
		       const struct port_config *config, struct diag *diag)
{
	struct port record;
	int r;

	draft_record(port, config, port->image, NULL, &record);
	record.generation = ++datapath->generation;
	port->first_generation = record.generation;
	r = place_record(&datapath->objects, &record, &port->record);
	if (r == 0)
		r = publish_record(&datapath->objects, port->device.ifindex, port->record);
	if (r < 0)
		return fail(diag, -r, port->device.name, 0, "cannot write the port's record: %s",
			    strerror(-r));
	port->published = true;
	return 0;
}

int attach_port(struct datapath *datapath, unsigned int ifindex, const struct port_config *config,
		const struct image *image, struct diag *diag)
{
	_cleanup_(dismantle_port) struct filtered_port *port = NULL;
	bool restored;
	int r;

	r = check_port_config(config, diag);
	if (r < 0)
		return r;
	if (ifindex == TRIAL_IFINDEX)
		return fail(diag, EINVAL, NULL, 0, "the loopback device cannot be filtered");
	if (find_filtered_port(datapath, ifindex))
		return fail(diag, EEXIST, NULL, 0, "device %u is already attached", ifindex);
	port = make_port(&datapath->objects, ifindex,
			 former_attach(datapath, ifindex, datapath->attach));
	if (!port)
		return -ENOMEM;
	if (!port->device.name[0])
		return fail(diag, ENODEV, NULL, 0, "there is no device %u", ifindex);
	port->device.reversed = config->reversed;
	capture_libbpf();
	restore_pins(datapath, &restored, NULL);

	r = take_slot(datapath, port, config, diag);
	if (r < 0)
		return r;
	r = hold_image(&datapath->objects.images, image, &port->image, diag);
	if (r < 0)
		return r;
	r = give_tables(port, config, diag);
	if (r < 0)
		return r;
	r = prepare_device(port->objects, &port->device, diag);
	if (r < 0)
		return r;
	r = give_record(datapath, port, config, diag);
	if (r < 0)
		return r;
	/* From here on a failure takes off what was there before, too. */
	port->hooked = true;
	forget_former_port(datapath, ifindex);
	r = attach_programs(port->objects, &port->device, diag);
	if (r < 0)
		return r;
	r = config->fresh ? empty_queue(port->device.name) : 0;
	if (r < 0)
		return fail(diag, -r, port->device.name, 0,
			    "cannot discard the packets that arrived before the programs were "
			    "attached: %s",
			    strerror(-r));
	r = register_port(datapath, port);
	if (r < 0)
		return r;
	TAKE_PTR(port);
	return 0;
}

int detach_port(struct datapath *datapath, unsigned int ifindex)
{
	struct filtered_port *port = find_filtered_port(datapath, ifindex);

	if (!port)
		return detach_former_port(datapath, ifindex);
	unregister_port(datapath, port);
	dismantle_port(&port);
	return 0;
}

int repair_port(struct datapath *datapath, unsigned int ifindex, struct diag *diag)
{
	struct filtered_port *port = find_filtered_port(datapath, ifindex);
	bool restored;
	int r;

	if (!port)
		return fail(diag, ENOENT, NULL, 0, "device %u is not attached", ifindex);
	capture_libbpf();
	restore_pins(datapath, &restored, NULL);
	r = prepare_device(port->objects, &port->device, diag);
	if (r < 0)
		return r;
	/* The one word of a published record that changes: the programs do not look at this bit. */
	if (port->device.owns_qdisc)
		__atomic_fetch_or(&record_of(port)->flags, PORT_OWNS_QDISC, __ATOMIC_RELAXED);
	return attach_programs(port->objects, &port->device, diag);
}
