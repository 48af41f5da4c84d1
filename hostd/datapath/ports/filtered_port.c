/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching and detaching ports, and what is known of each.
 */
#include "hostd/datapath/ports/filtered_port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/attachment/attach.h"
#include "hostd/datapath/attachment/queue.h"
#include "hostd/datapath/objects/discard.h"
#include "hostd/datapath/objects/jiffies.h"
#include "hostd/datapath/objects/libbpf_log.h"
#include "hostd/datapath/objects/load.h"
#include "hostd/datapath/objects/record.h"
#include "hostd/datapath/objects/remotes.h"
#include "hostd/datapath/ports/former.h"
#include "hostd/datapath/ports/reserve.h"
#include "hostd/datapath/queries/session_query.h"
#include "vmseg.skel.h"

/* ---- the table of ports --------------------------------------------------------------------- */

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

int register_port(struct filtered_port *port)
{
	struct datapath *datapath = port->datapath;

	HASH_ADD(hh, datapath->ports, ifindex, sizeof(port->ifindex), port);
	if (!was_added(&port->hh))
		return -ENOMEM;
	datapath->by_slot[port->slot] = port;
	return 0;
}

void unregister_port(struct filtered_port *port)
{
	restart_sweep(port);
	HASH_DEL(port->datapath->ports, port);
	port->datapath->by_slot[port->slot] = NULL;
}

void for_each_port(struct datapath *datapath, void (*visit)(unsigned int ifindex, void *context),
		   void *context)
{
	const struct filtered_port *port, *next;

	HASH_ITER (hh, datapath->ports, port, next)
		visit(port->ifindex, context);
}

/* ---- parts of a port ------------------------------------------------------------------------ */

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

/* What a former port left in the slot's places. */
static int zero_slot(const struct filtered_port *port)
{
	const struct datapath *datapath = port->datapath;

	memset(&port_states(&datapath->memory)[port->slot], 0, sizeof(struct port_state));
	return bpf_map_update_elem(bpf_map__fd(datapath->skeleton->maps.stats_map), &port->slot,
				   zero_per_cpu(&datapath->per_cpu), BPF_ANY);
}

static int take_free_slot(struct filtered_port *port)
{
	struct datapath *datapath = port->datapath;
	uint32_t slot;
	int r = take_range(&datapath->slots, 1, &slot);

	if (r == -ENOSPC)
		drop_reserve(datapath);
	while (r == -ENOSPC && !is_tidy(datapath)) {
		tidy_datapath(datapath);
		r = take_range(&datapath->slots, 1, &slot);
	}
	if (r == 0)
		port->slot = slot;
	return r;
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
		    "all %u ports are taken: raise max-ports, see vmseg-hostd.conf(5)",
		    datapath->max_ports);
}

static int take_slot(struct filtered_port *port, const struct port_config *config,
		     struct diag *diag)
{
	int r = config->limits[LIMIT_SESSIONS] ? check_room(port->datapath, 1, port->ifname, diag)
					       : 0;

	if (r < 0)
		return r;
	r = take_reserved_slot(port, config) ? 0 : take_free_slot(port);
	if (r == -ENOSPC)
		return fail(diag, ENOSPC, port->ifname, 0,
			    "all %u ports and %u closed ones are taken: raise max-ports, see "
			    "vmseg-hostd.conf(5)",
			    port->datapath->max_ports, CLOSED_PORTS_MORE);
	if (r < 0)
		return r;
	r = zero_slot(port);
	return r < 0 ? fail(diag, -r, port->ifname, 0, "cannot reset the counters: %s",
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
	table = make_table(port->datapath, config->limits[LIMIT_SESSIONS]);
	r = table < 0 ? table : put_table(port, table);
	if (r < 0)
		return fail(diag, -r, port->ifname, 0, "cannot make a table of %u sessions: %s",
			    config->limits[LIMIT_SESSIONS], strerror(-r));
	port->sessions_wanted = config->limits[LIMIT_SESSIONS];
	if (!config->limits[LIMIT_SESSIONS_PER_REMOTE])
		return 0;
	r = make_remotes(port);
	return r < 0 ? fail(diag, -r, port->ifname, 0,
			    "cannot make a table of sessions by remote address: %s", strerror(-r))
		     : 0;
}

/* Publishes the port's first record. */
static int give_record(struct filtered_port *port, const struct port_config *config,
		       struct diag *diag)
{
	struct datapath *datapath = port->datapath;
	struct port record;
	int r;

	draft_record(port, config, port->image, NULL, &record);
	record.generation = ++datapath->generation;
	port->first_generation = record.generation;
	r = place_record(datapath, &record, &port->record);
	if (r == 0)
		r = publish_record(datapath, port->ifindex, port->record);
	if (r < 0)
		return fail(diag, -r, port->ifname, 0, "cannot write the port's record: %s",
			    strerror(-r));
	port->published = true;
	return 0;
}

/* ---- the whole port ------------------------------------------------------------------------- */

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
		return fail(diag, EEXIST, NULL, 0, "device %u is attached already", ifindex);
	port = make_port(datapath, ifindex);
	if (!port)
		return -ENOMEM;
	if (!port->ifname[0])
		return fail(diag, ENODEV, NULL, 0, "there is no device %u", ifindex);
	port->reversed = config->reversed;
	port->attach = former_attach(datapath, ifindex, port->attach);
	capture_libbpf();
	restore_pins(datapath, &restored, NULL);

	r = take_slot(port, config, diag);
	if (r < 0)
		return r;
	r = hold_image(&datapath->images, image, &port->image, diag);
	if (r < 0)
		return r;
	r = give_tables(port, config, diag);
	if (r < 0)
		return r;
	r = prepare_device(port, diag);
	if (r < 0)
		return r;
	r = give_record(port, config, diag);
	if (r < 0)
		return r;
	/* From here on a failure takes off what was there before, too. */
	port->hooked = true;
	forget_former_port(datapath, ifindex);
	r = attach_programs(port, diag);
	if (r < 0)
		return r;
	r = config->fresh ? empty_queue(port->ifname) : 0;
	if (r < 0)
		return fail(diag, -r, port->ifname, 0,
			    "cannot throw away what came before the programs: %s", strerror(-r));
	r = register_port(port);
	if (r < 0)
		return r;
	TAKE_PTR(port);
	return 0;
}

int detach_port(struct datapath *datapath, unsigned int ifindex)
{
	struct filtered_port *port = find_filtered_port(datapath, ifindex);

	if (!port)
		return strip_former_port(datapath, ifindex);
	unregister_port(port);
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
	r = prepare_device(port, diag);
	if (r < 0)
		return r;
	/* The one word of a published record that changes: the programs do not look at this bit. */
	if (port->owns_qdisc)
		__atomic_fetch_or(&record_of(port)->flags, PORT_OWNS_QDISC, __ATOMIC_RELAXED);
	return attach_programs(port, diag);
}

static uint32_t pickup_left(const struct filtered_port *port)
{
	uint32_t until = record_of(port)->pickup_until, now, hz = port->datapath->hz;
	int32_t left;

	if (!until || read_jiffies(port->datapath, &now) < 0)
		return 0;
	left = (int32_t)(until - now);
	return left <= 0 ? 0 : ((uint32_t)left + hz - 1) / hz;
}

int read_hook_state(struct datapath *datapath, unsigned int ifindex, enum hook_state *ret)
{
	const struct filtered_port *port = find_filtered_port(datapath, ifindex);
	enum hook_state worst = HOOKS_FIRST;

	if (!port)
		return -ENOENT;
	capture_libbpf();
	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++) {
		enum hook_state state = HOOKS_FIRST;
		int r = look_at_hook(port, direction, &state);

		if (r < 0)
			return r;
		if (state > worst)
			worst = state;
	}
	*ret = worst;
	return 0;
}

unsigned int next_attached_port(const struct datapath *datapath, enum attach_method method,
				uint32_t *cursor)
{
	while (*cursor <= datapath->last_slot) {
		const struct filtered_port *port = datapath->by_slot[(*cursor)++];

		if (port && (method == ATTACH_AUTO || port->attach == method))
			return port->ifindex;
	}
	return 0;
}

int read_port_status(struct datapath *datapath, unsigned int ifindex, struct port_status *ret)
{
	const struct filtered_port *port = find_filtered_port(datapath, ifindex);
	char name[IF_NAMESIZE];

	if (!port)
		return -ENOENT;
	*ret = (struct port_status){
		.ifindex = ifindex,
		.attach = port->attach,
		.slot = port->slot,
		.generation = record_of(port)->generation,
		.session_map_id = port->table_id,
		.session_limit = port->table_size,
		.session_count = port->session_count,
		.pickup_seconds = pickup_left(port),
		.device_gone = !if_indextoname(ifindex, name),
	};
	memcpy(ret->ifname, port->ifname, sizeof(ret->ifname));
	memcpy(ret->mac, record_of(port)->mac, sizeof(ret->mac));
	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++) {
		struct hook_status hook = query_hook(port, direction);

		ret->link_id[direction] = hook.link_id;
		ret->program_id[direction] = hook.program_id;
		ret->hooked[direction] = hook.hooked;
	}
	return 0;
}

int read_session_count(const struct datapath *datapath, unsigned int ifindex, uint32_t *ret_count,
		       uint32_t *ret_limit)
{
	const struct filtered_port *port = find_filtered_port(datapath, ifindex);

	if (!port)
		return -ENOENT;
	*ret_count = port->session_count;
	*ret_limit = port->table_size;
	return 0;
}

bool is_closed_port(const struct datapath *datapath, unsigned int ifindex)
{
	const struct filtered_port *port = find_filtered_port(datapath, ifindex);

	return port && port->table_size == 0;
}
