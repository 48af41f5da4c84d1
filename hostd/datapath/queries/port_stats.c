/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading counters: sums over CPUs.
 */
#include "hostd/datapath/queries/port_stats.h"

#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/ports/datapath_state.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "hostd/datapath/ports/port_table.h"
#include "vmseg.skel.h"

/* All of it is packets and bytes, so a sum is a sum of words. */
_Static_assert(sizeof(struct port_stats) % sizeof(uint64_t) == 0, "port_stats is words");
_Static_assert(sizeof(struct counter) == 2 * sizeof(uint64_t), "counter is two words");

int read_port_stats(struct datapath *datapath, unsigned int ifindex, struct port_stats *ret)
{
	const struct filtered_port *port = find_filtered_port(datapath, ifindex);
	int r;

	if (!port)
		return -ENOENT;
	r = bpf_map_lookup_elem(bpf_map__fd(datapath->objects.skeleton->maps.stats_map),
				&port->slot, datapath->objects.per_cpu.values);
	if (r < 0)
		return r;
	sum_per_cpu(&datapath->objects.per_cpu, sizeof(*ret) / sizeof(uint64_t), (uint64_t *)ret);
	return 0;
}

int read_rule_counter(struct datapath *datapath, unsigned int ifindex, uint32_t rule,
		      struct counter *ret)
{
	const struct filtered_port *port = find_filtered_port(datapath, ifindex);
	const struct image_header *header;
	uint32_t number;
	int r;

	if (!port)
		return -ENOENT;
	header = header_of_image(&datapath->objects.images, port->image);
	if (rule >= header->rule_count)
		return -ERANGE;
	number = header->rule_base + rule;
	r = bpf_map_lookup_elem(datapath->objects.images.rule_stats_map, &number,
				datapath->objects.per_cpu.values);
	if (r < 0)
		return r;
	sum_per_cpu(&datapath->objects.per_cpu, sizeof(*ret) / sizeof(uint64_t), (uint64_t *)ret);
	return 0;
}
