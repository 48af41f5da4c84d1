/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of one port.
 */
#include "hostd/datapath/queries/port_status.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/attachment/attach.h"
#include "hostd/datapath/objects/jiffies.h"
#include "hostd/datapath/objects/libbpf_log.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "hostd/datapath/ports/port_table.h"

static uint32_t pickup_left(const struct filtered_port *port)
{
	uint32_t until = record_of(port)->pickup_until, now, hz = port->objects->hz;
	int32_t left;

	if (!until || read_jiffies(port->objects, &now) < 0)
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
		int r = look_at_hook(port->objects, &port->device, direction, &state);

		if (r < 0)
			return r;
		if (state > worst)
			worst = state;
	}
	*ret = worst;
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
		.attach = port->device.attach,
		.slot = port->slot,
		.generation = record_of(port)->generation,
		.session_map_id = port->table_id,
		.session_limit = port->table_size,
		.session_count = port->session_count,
		.pickup_seconds = pickup_left(port),
		.device_gone = !if_indextoname(ifindex, name),
	};
	memcpy(ret->ifname, port->device.name, sizeof(ret->ifname));
	memcpy(ret->mac, record_of(port)->mac, sizeof(ret->mac));
	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++) {
		struct hook_status hook = query_hook(port->objects, &port->device, direction);

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
