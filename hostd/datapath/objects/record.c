/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port records: see "Ports" in abi.h.
 */
#include "hostd/datapath/objects/record.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

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

int place_record(struct objects *objects, const struct port *record, uint32_t *ret_record)
{
	uint32_t number;
	int r = take_range(&objects->records, 1, &number);

	if (r < 0)
		return r;
	port_records(&objects->memory)[number] = *record;
	*ret_record = number + 1;
	return 0;
}

void drop_record(struct objects *objects, uint32_t record)
{
	if (record)
		put_range(&objects->records, record - 1);
}

static int high_map(const struct objects *objects)
{
	return bpf_map__fd(objects->skeleton->maps.port_index_high);
}

int publish_record(struct objects *objects, unsigned int ifindex, uint32_t record)
{
	uint64_t number = record;

	if (ifindex >= PORT_INDEX_ENTRIES)
		return bpf_map_update_elem(high_map(objects), &ifindex, &number, BPF_ANY);
	__atomic_store_n(&index_of_ports(&objects->memory)[ifindex], number, __ATOMIC_RELEASE);
	return 0;
}

void unpublish_record(struct objects *objects, unsigned int ifindex)
{
	if (ifindex >= PORT_INDEX_ENTRIES)
		bpf_map_delete_elem(high_map(objects), &ifindex);
	else
		publish_record(objects, ifindex, 0);
}

static int for_each_high_record(struct objects *objects,
				int (*visit)(unsigned int ifindex, uint32_t record, void *context,
					     struct diag *diag),
				void *context, struct diag *diag)
{
	unsigned int ifindex, *previous = NULL;
	uint64_t number;
	int r = 0;

	while (r >= 0 && bpf_map_get_next_key(high_map(objects), previous, &ifindex) == 0) {
		if (bpf_map_lookup_elem(high_map(objects), &ifindex, &number) == 0 && number)
			r = visit(ifindex, (uint32_t)number, context, diag);
		previous = &ifindex;
	}
	return r;
}

int for_each_record(struct objects *objects,
		    int (*visit)(unsigned int ifindex, uint32_t record, void *context,
				 struct diag *diag),
		    void *context, struct diag *diag)
{
	const uint64_t *index = index_of_ports(&objects->memory);

	for (unsigned int ifindex = 0; ifindex < PORT_INDEX_ENTRIES; ifindex++) {
		int r = index[ifindex] ? visit(ifindex, (uint32_t)index[ifindex], context, diag)
				       : 0;

		if (r < 0)
			return r;
	}
	return for_each_high_record(objects, visit, context, diag);
}
