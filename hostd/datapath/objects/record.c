/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port records: see "Ports" in abi.h.
 */
#include "hostd/datapath/objects/record.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/vlan.h"
#include "hostd/datapath/objects/jiffies.h"
#include "vmseg.skel.h"

static void fill_prefix(const struct prefix *prefix, struct address_prefix *ret)
{
	uint8_t mask[ADDRESS_BYTES];

	for (unsigned int i = 0; i < ADDRESS_BYTES; i++) {
		unsigned int bits = prefix->bits > 8 * i ? prefix->bits - 8U * i : 0;

		mask[i] = bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);
	}
	memcpy(ret->mask, mask, sizeof(mask));
	memcpy(ret->address, prefix->address, sizeof(ret->address));
	for (int i = 0; i < 4; i++)
		ret->address[i] &= ret->mask[i];
}

/* A quarter of the table, for what has been picked up and is not confirmed yet; of that the half is
 * for each direction's segments, and not nothing. */
static uint32_t share_of_unconfirmed(uint32_t sessions)
{
	uint32_t share = sessions / 4;

	return share < 2 ? 2 : share;
}

void fill_record(const struct port_config *config, struct port *ret)
{
	/* Padding too: update_ports() compares records byte by byte. */
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->mac, config->mac, MAC_BYTES);
	ret->guards = config->guards;
	ret->flags = config->flags & PORT_AUDIT;
	if (!config->limits[LIMIT_SESSIONS])
		ret->flags |= PORT_QUARANTINE;
	memcpy(ret->limits, config->limits, sizeof(config->limits));
	ret->unconfirmed = share_of_unconfirmed(config->limits[LIMIT_SESSIONS]);
	ret->address_count = (uint32_t)config->address_count;
	for (size_t i = 0; i < config->address_count; i++)
		fill_prefix(&config->addresses[i], &ret->addresses[i]);
	ret->vlan_count = (uint16_t)config->vlan_count;
	memcpy(ret->vlans, config->vlans, config->vlan_count * sizeof(ret->vlans[0]));
}

static uint32_t pickup_deadline(const struct datapath *datapath, uint32_t seconds)
{
	uint32_t now;

	if (read_jiffies(datapath, &now) < 0)
		return 0;
	now += seconds * datapath->hz;
	return now ? now : 1; /* 0 means never */
}

/* Told again in whole seconds, a window that runs must not look like another one. */
static bool is_same_window(const struct datapath *datapath, uint32_t until, uint32_t running)
{
	uint32_t slack = 2 * datapath->hz;

	return running && until - running + slack <= 2 * slack;
}

void draft_record(const struct filtered_port *port, const struct port_config *config,
		  const struct stored_image *image, const struct port *former, struct port *ret)
{
	fill_record(config, ret);
	if (port->reversed)
		ret->flags |= PORT_REVERSED;
	if (port->owns_qdisc)
		ret->flags |= PORT_OWNS_QDISC;
	ret->slot = port->slot;
	ret->image = image->first;
	if (former) {
		ret->generation = former->generation;
		ret->pickup_until = former->pickup_until;
	}
	if (config->pickup_seconds) {
		uint32_t until = pickup_deadline(port->datapath, config->pickup_seconds);

		if (!is_same_window(port->datapath, until, ret->pickup_until))
			ret->pickup_until = until;
	}
}

int place_record(struct datapath *datapath, const struct port *record, uint32_t *ret_record)
{
	uint32_t number;
	int r = take_range(&datapath->records, 1, &number);

	if (r < 0)
		return r;
	port_records(&datapath->memory)[number] = *record;
	*ret_record = number + 1;
	return 0;
}

void drop_record(struct datapath *datapath, uint32_t record)
{
	if (record)
		put_range(&datapath->records, record - 1);
}

static int high_map(const struct datapath *datapath)
{
	return bpf_map__fd(datapath->skeleton->maps.port_index_high);
}

int publish_record(struct datapath *datapath, unsigned int ifindex, uint32_t record)
{
	uint64_t number = record;

	if (ifindex >= PORT_INDEX_ENTRIES)
		return bpf_map_update_elem(high_map(datapath), &ifindex, &number, BPF_ANY);
	__atomic_store_n(&index_of_ports(&datapath->memory)[ifindex], number, __ATOMIC_RELEASE);
	return 0;
}

void unpublish_record(struct datapath *datapath, unsigned int ifindex)
{
	if (ifindex >= PORT_INDEX_ENTRIES)
		bpf_map_delete_elem(high_map(datapath), &ifindex);
	else
		publish_record(datapath, ifindex, 0);
}

static int for_each_high_record(struct datapath *datapath,
				int (*visit)(struct datapath *datapath, unsigned int ifindex,
					     uint32_t record, struct diag *diag),
				struct diag *diag)
{
	unsigned int ifindex, *previous = NULL;
	uint64_t number;
	int r = 0;

	while (r >= 0 && bpf_map_get_next_key(high_map(datapath), previous, &ifindex) == 0) {
		if (bpf_map_lookup_elem(high_map(datapath), &ifindex, &number) == 0 && number)
			r = visit(datapath, ifindex, (uint32_t)number, diag);
		previous = &ifindex;
	}
	return r;
}

int for_each_record(struct datapath *datapath,
		    int (*visit)(struct datapath *datapath, unsigned int ifindex, uint32_t record,
				 struct diag *diag),
		    struct diag *diag)
{
	const uint64_t *index = index_of_ports(&datapath->memory);

	for (unsigned int ifindex = 0; ifindex < PORT_INDEX_ENTRIES; ifindex++) {
		int r = index[ifindex] ? visit(datapath, ifindex, (uint32_t)index[ifindex], diag)
				       : 0;

		if (r < 0)
			return r;
	}
	return for_each_high_record(datapath, visit, diag);
}
