/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking vmseg off a host, by what the kernel itself says: it must work without a daemon, and for
 * what another version left, whose maps this one cannot read.
 */
#include "hostd/datapath/remove_datapath.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <bpf/bpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/attachment/attach_ops.h"
#include "hostd/datapath/objects/libbpf_log.h"
#include "hostd/datapath/objects/load.h"

static int open_pinned(const struct pins *pins, const char *map)
{
	char path[PIN_PATH_BYTES];

	return bpf_obj_get(map_pin(pins, map, path));
}

/* Reads the device's pinned record. */
static int read_record(const struct pins *pins, unsigned int ifindex, struct port *ret)
{
	bool high = ifindex >= PORT_INDEX_ENTRIES;
	_cleanup_close_ int index = open_pinned(pins, high ? "port_index_high" : "port_index");
	_cleanup_close_ int records = open_pinned(pins, "port_map");
	uint64_t number;
	uint32_t record;
	int r;

	if (index < 0 || records < 0)
		return -ENOENT;
	r = bpf_map_lookup_elem(index, &ifindex, &number);
	if (r < 0)
		return r;
	if (!number)
		return -ENOENT;
	record = (uint32_t)number - 1;
	return bpf_map_lookup_elem(records, &record, ret);
}

/* Unknown where the maps cannot be read: an empty qdisc that stays does no harm. */
static bool owns_qdisc(const struct pins *pins, unsigned int ifindex)
{
	struct port record;

	return are_maps_pinned(pins) && check_pinned_abi(pins, NULL) == 0 &&
	       read_record(pins, ifindex, &record) == 0 && (record.flags & PORT_OWNS_QDISC);
}

static void free_names(struct if_nameindex **names)
{
	if (*names)
		if_freenameindex(*names);
}

static void remove_program(const struct attach_place *place, uint32_t program_id, void *context)
{
	const enum attach_method *method = context;

	attach_ops_of(*method)->detach(place);
}

static int remove_programs(const struct pins *pins, struct diag *diag)
{
	int r = 0;

	for (enum attach_method method = ATTACH_AUTO + 1; r == 0 && method < ATTACH_COUNT; method++)
		r = attach_ops_of(method)->for_each_program(pins, remove_program, &method);
	return r < 0 ? fail(diag, -r, NULL, 0, "cannot list the devices: %s", strerror(-r)) : 0;
}

/* Made for the programs of any kind. */
static void clean_up_device(unsigned int ifindex)
{
	for (enum attach_method method = ATTACH_AUTO + 1; method < ATTACH_COUNT; method++)
		if (attach_ops_of(method)->clean_up)
			attach_ops_of(method)->clean_up(ifindex);
}

static int clean_up_devices(const struct pins *pins, struct diag *diag)
{
	_cleanup_(free_names) struct if_nameindex *names = if_nameindex();

	if (!names)
		return fail(diag, errno, NULL, 0, "cannot list the devices: %s", strerror(errno));
	for (const struct if_nameindex *name = names; name->if_index; name++)
		if (owns_qdisc(pins, name->if_index))
			clean_up_device(name->if_index);
	return 0;
}

int remove_datapath(const char *bpffs, struct diag *diag)
{
	_cleanup_(close_pins) struct pins pins = {.lock = -1};
	int r;

	if (access(bpffs, F_OK) < 0 && errno == ENOENT)
		return 0;
	capture_libbpf();
	r = lock_pins(bpffs, &pins, diag);
	if (r < 0)
		return r;
	r = remove_programs(&pins, diag);
	if (r == 0)
		r = clean_up_devices(&pins, diag);
	if (r < 0)
		return r;
	remove_map_pins(&pins);
	return remove_pin_directories(&pins, diag);
}
