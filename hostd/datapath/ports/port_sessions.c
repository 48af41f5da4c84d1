/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Session tables of ports.
 */
#include "hostd/datapath/ports/port_sessions.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/objects/program_wait.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "vmseg.skel.h"

static int outer_map(const struct objects *objects)
{
	return bpf_map__fd(objects->skeleton->maps.session_map);
}

static int read_table(int table, struct bpf_map_info *ret)
{
	uint32_t size = sizeof(*ret);

	*ret = (struct bpf_map_info){0};
	return bpf_obj_get_info_by_fd(table, ret, &size);
}

int put_table(struct filtered_port *port, int table)
{
	struct bpf_map_info info;
	int r;

	r = read_table(table, &info);
	if (r < 0)
		return r;
	r = put_inner_table(port->objects, outer_map(port->objects), port->slot, table);
	if (r < 0)
		return r;
	port->table_id = info.id;
	port->table_size = info.max_entries;
	return 0;
}

int open_table(const struct filtered_port *port)
{
	return bpf_map_get_fd_by_id(port->table_id);
}

int find_table(struct filtered_port *port)
{
	_cleanup_close_ int table = -1;
	struct bpf_map_info info;
	uint32_t id;
	int r;

	r = bpf_map_lookup_elem(outer_map(port->objects), &port->slot, &id);
	if (r < 0)
		return r;
	table = bpf_map_get_fd_by_id(id);
	if (table < 0)
		return table;
	r = read_table(table, &info);
	if (r < 0)
		return r;
	port->table_id = info.id;
	port->table_size = info.max_entries;
	return 0;
}
