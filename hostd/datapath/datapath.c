/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The datapath as a whole: opening, which is the story of load or adoption, and closing.
 */
#include "hostd/datapath/datapath.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/attachment/attach.h"
#include "hostd/datapath/attachment/queue.h"
#include "hostd/datapath/objects/discard.h"
#include "hostd/datapath/objects/jiffies.h"
#include "hostd/datapath/objects/load.h"
#include "hostd/datapath/objects/session_table.h"
#include "hostd/datapath/ports/adopt_ports.h"
#include "hostd/datapath/ports/datapath_state.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "hostd/datapath/ports/former.h"
#include "hostd/datapath/ports/reserve.h"
#include "hostd/datapath/ports/sweep.h"
#include "hostd/datapath/queries/event_ring.h"
#include "vmseg.skel.h"

#define PORTS_MAX 65535U

static int check_sizes(const struct map_sizes *sizes, struct diag *diag)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE), ring = sizes->ring_bytes;

	if (!sizes->max_ports || sizes->max_ports > PORTS_MAX)
		return fail(diag, EINVAL, NULL, 0, "max-ports is %u, expected 1 to %u",
			    sizes->max_ports, PORTS_MAX);
	if (!sizes->policy_nodes || !sizes->rule_counters)
		return fail(diag, EINVAL, NULL, 0,
			    "policy-nodes and rule-counters must be at least 1");
	if (!ring || ring % page || (ring & (ring - 1)))
		return fail(
			diag, EINVAL, NULL, 0,
			"the event ring has %u bytes, expected a power of two and a multiple of "
			"the page size, %u",
			ring, page);
	return 0;
}

static struct datapath *make_datapath(void)
{
	struct datapath *datapath = calloc(1, sizeof(*datapath));

	if (!datapath)
		return NULL;
	datapath->objects.pins.lock = -1;
	datapath->objects.barrier = -1;
	datapath->objects.hz = read_hz();
	datapath->reserve = make_reserve();
	datapath->sweep = make_sweep();
	return datapath;
}

/* Memory of the loaded maps, and empty tables of who uses what in them. */
static int set_up_tables(struct datapath *datapath, struct diag *diag)
{
	const struct vmseg *skeleton = datapath->objects.skeleton;
	uint32_t slots = bpf_map__max_entries(skeleton->maps.port_state_map), slot_zero = 0;
	int r;

	r = map_memory(skeleton, &datapath->objects.memory, diag);
	if (r < 0)
		return r;
	datapath->max_ports = find_max_ports(skeleton);
	datapath->last_slot = slots - 1;
	datapath->by_slot = calloc(slots, sizeof(struct filtered_port *));
	datapath->objects.discarded = calloc(slots, sizeof(*datapath->objects.discarded));
	if (!datapath->by_slot || !datapath->objects.discarded)
		return -ENOMEM;
	init_pool(&datapath->objects.slots, slots);
	r = claim_range(&datapath->objects.slots, slot_zero, 1);
	if (r < 0)
		return r;
	init_pool(&datapath->objects.records, bpf_map__max_entries(skeleton->maps.port_map));
	init_image_store(&datapath->objects.images, datapath->objects.memory.nodes.base,
			 bpf_map__max_entries(skeleton->maps.policy_map),
			 bpf_map__fd(skeleton->maps.rule_stats_map),
			 bpf_map__max_entries(skeleton->maps.rule_stats_map),
			 &datapath->objects.per_cpu);
	return 0;
}

static int check_clock(const struct objects *objects, struct diag *diag)
{
	uint32_t now;
	int r = read_jiffies(objects, &now);

	return r < 0 ? fail(diag, -r, NULL, 0, "cannot run the program read_clock: %s",
			    strerror(-r))
		     : 0;
}

/* Programs, on the pinned maps when these are to be taken over, and tables of what is in the maps.
 * Nothing on the host changes. */
static int load_datapath(struct datapath *datapath, const struct datapath_config *config,
			 struct diag *diag)
{
	int r = datapath->adopted ? check_pinned_abi(&datapath->objects.pins, diag) : 0;

	if (r < 0)
		return r;
	r = load_skeleton(&config->sizes, &datapath->objects.pins, datapath->adopted,
			  &datapath->objects.skeleton, diag);
	if (r < 0)
		return r;
	r = set_up_tables(datapath, diag);
	if (r < 0)
		return r;
	r = check_clock(&datapath->objects, diag);
	if (r < 0)
		return r;
	r = open_event_ring(datapath, diag);
	if (r < 0)
		return r;
	return datapath->adopted ? adopt_ports(datapath, diag) : 0;
}

static void forget_ports(struct datapath *datapath)
{
	struct filtered_port *port, *next;

	HASH_ITER (hh, datapath->ports, port, next) {
		HASH_DEL(datapath->ports, port);
		forget_port(port);
	}
}

static void unload_datapath(struct datapath *datapath)
{
	forget_ports(datapath);
	forget_former_ports(datapath);
	free(datapath->by_slot);
	datapath->by_slot = NULL;
	free(datapath->objects.discarded);
	datapath->objects.discarded = NULL;
	datapath->objects.discarded_count = 0;
	clear_image_store(&datapath->objects.images);
	clear_pool(&datapath->objects.slots);
	clear_pool(&datapath->objects.records);
	close_event_ring(datapath);
	unmap_memory(&datapath->objects.memory);
	unload_skeleton(&datapath->objects.skeleton);
}

/* What is pinned is of another version, incomplete, somebody else's or makes no sense. */
static bool is_about_pins(int r)
{
	return r == -EPROTO || r == -ENOENT || r == -EUCLEAN;
}

/* The error becomes a warning, in place of those that came before it. */
static void explain_new_maps(struct diag *diag)
{
	struct diag_entry why = diag->error;

	diag->error = (struct diag_entry){0};
	clear_diag(diag);
	warn(diag, why.where && why.where[0] ? why.where : NULL, 0,
	     "%s: vmseg creates new maps; every port changes over to them and loses its sessions",
	     why.text ? why.text : "the pinned maps cannot be used");
	free(why.where);
	free(why.text);
}

static int load_or_load_anew(struct datapath *datapath, const struct datapath_config *config,
			     struct diag *diag)
{
	int r;

	datapath->adopted = are_maps_pinned(&datapath->objects.pins);
	r = load_datapath(datapath, config, diag);
	if (!datapath->adopted || !is_about_pins(r))
		return r;
	explain_new_maps(diag);
	unload_datapath(datapath);
	datapath->adopted = false;
	return load_datapath(datapath, config, diag);
}

/* New maps: they are pinned only when all that can fail has been done. */
static int start_anew(struct datapath *datapath, const struct datapath_config *config,
		      struct diag *diag)
{
	apply_settings(datapath, config);
	return pin_maps(datapath->objects.skeleton, &datapath->objects.pins, diag);
}

/* Pinned maps: everything has been read, and only now is anything changed. */
static void take_over(struct datapath *datapath, const struct datapath_config *config,
		      struct diag *diag)
{
	struct filtered_port *port, *next;

	apply_settings(datapath, config);
	HASH_ITER (hh, datapath->ports, port, next) {
		replace_programs(port->objects, &port->device, diag);
		restore_queue(port->device.name);
	}
	remove_leftovers(datapath);
}

int open_datapath(const struct datapath_config *config, struct datapath **ret, struct diag *diag)
{
	_cleanup_(close_datapath) struct datapath *datapath = make_datapath();
	int r;

	if (!datapath || !datapath->reserve || !datapath->sweep)
		return -ENOMEM;
	r = check_sizes(&config->sizes, diag);
	if (r < 0)
		return r;
	r = open_per_cpu(&datapath->objects.per_cpu, diag);
	if (r < 0)
		return r;
	r = open_pins(config->bpffs, &datapath->objects.pins, diag);
	if (r < 0)
		return r;
	r = choose_attach(config->attach, &datapath->attach, diag);
	if (r < 0)
		return r;
	r = load_or_load_anew(datapath, config, diag);
	if (r < 0)
		return r;
	if (datapath->adopted)
		take_over(datapath, config, diag);
	else
		r = start_anew(datapath, config, diag);
	if (r < 0)
		return r;
	find_former_ports(datapath);
	/* Needed sooner or later; what is missing now is made then. */
	datapath->objects.barrier = make_table(1);
	*ret = TAKE_PTR(datapath);
	return 0;
}

void close_datapath(struct datapath **pointer)
{
	struct datapath *datapath = TAKE_PTR(*pointer);

	if (!datapath)
		return;
	unload_datapath(datapath);
	close_descriptor(&datapath->objects.barrier);
	close_pins(&datapath->objects.pins);
	close_per_cpu(&datapath->objects.per_cpu);
	free(datapath->reserve);
	free_sweep(datapath->sweep);
	free(datapath);
}

void apply_settings(struct datapath *datapath, const struct datapath_config *config)
{
	write_settings(&config->live, datapath->objects.hz, settings_of(&datapath->objects.memory));
}

bool has_discarded_slots(const struct datapath *datapath)
{
	return can_free_slot(&datapath->objects);
}

void free_discarded_slot(struct datapath *datapath)
{
	free_slot(&datapath->objects);
}

void read_datapath_status(const struct datapath *datapath, struct datapath_status *ret)
{
	*ret = (struct datapath_status){
		.attach = datapath->attach,
		.port_count = HASH_COUNT(datapath->ports),
		.max_ports = datapath->max_ports,
		.image_count = count_images(&datapath->objects.images),
		.nodes_used = datapath->objects.images.nodes.used,
		.nodes_total = datapath->objects.images.nodes.total,
		.rule_counters_used = datapath->objects.images.counters.used,
		.rule_counters_total = datapath->objects.images.counters.total,
		.adopted = datapath->adopted,
	};
}
