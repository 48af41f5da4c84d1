/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Former ports, by what the kernel itself says: the maps that would tell more cannot be read.
 */
#include "hostd/datapath/ports/former.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hostd/datapath/attachment/attach_ops.h"
#include "hostd/datapath/attachment/program.h"
#include "hostd/datapath/ports/datapath_state.h"
#include "hostd/datapath/ports/port_table.h"
#include "vmseg.skel.h"

struct former_port {
	unsigned int ifindex;
	char ifname[IF_NAMESIZE];
	enum attach_method attach;
	bool hooked[2]; /* by direction, which of a macvtap may be the other one */
	UT_hash_handle hh;
};

/* A look at the programs of one kind. */
struct look {
	struct datapath *datapath;
	enum attach_method method;
};

static struct former_port *find_former(const struct datapath *datapath, unsigned int ifindex)
{
	struct former_port *port;

	HASH_FIND(hh, datapath->former, &ifindex, sizeof(ifindex), port);
	return port;
}

static void note_former(struct datapath *datapath, unsigned int ifindex, enum attach_method method,
			enum direction direction)
{
	struct former_port *port = find_former(datapath, ifindex);

	if (!port) {
		port = calloc(1, sizeof(*port));
		if (!port)
			return;
		port->ifindex = ifindex;
		port->attach = method;
		if_indextoname(ifindex, port->ifname);
		HASH_ADD(hh, datapath->former, ifindex, sizeof(port->ifindex), port);
		if (!was_added(&port->hh)) {
			free(port);
			return;
		}
	}
	port->hooked[direction] = true;
}

/* Does a program of vmseg's use this datapath's maps? */
static bool shares_maps(const struct datapath *datapath, uint32_t program_id)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	int map = bpf_map__fd(datapath->objects.skeleton->maps.port_index);

	return bpf_obj_get_info_by_fd(map, &info, &size) == 0 && uses_map(program_id, info.id);
}

static void look_at_program(const struct attach_place *place, uint32_t program_id, void *context)
{
	const struct look *look = context;
	struct datapath *datapath = look->datapath;
	const struct former_port *port = find_former(datapath, place->ifindex);

	if (find_filtered_port(datapath, place->ifindex) || (port && port->attach != look->method))
		return;
	if (program_id && !shares_maps(datapath, program_id))
		note_former(datapath, place->ifindex, look->method, place->direction);
	else if (attach_ops_of(look->method)->detach(place) < 0)
		datapath->objects.has_dead_links = true;
}

void find_former_ports(struct datapath *datapath)
{
	for (enum attach_method method = ATTACH_AUTO + 1; method < ATTACH_COUNT; method++) {
		struct look look = {.datapath = datapath, .method = method};

		attach_ops_of(method)->for_each_program(&datapath->objects.pins, look_at_program,
							&look);
	}
}

void remove_dead_links(struct datapath *datapath)
{
	if (!datapath->objects.has_dead_links)
		return;
	datapath->objects.has_dead_links = false;
	find_former_ports(datapath);
}

enum attach_method former_attach(const struct datapath *datapath, unsigned int ifindex,
				 enum attach_method otherwise)
{
	const struct former_port *port = find_former(datapath, ifindex);

	return port ? port->attach : otherwise;
}

bool is_formerly_filtered(const struct datapath *datapath, unsigned int ifindex)
{
	const struct former_port *port = find_former(datapath, ifindex);

	return port && port->hooked[0] && port->hooked[1];
}

void for_each_former_port(struct datapath *datapath,
			  void (*visit)(unsigned int ifindex, const char *device, void *context),
			  void *context)
{
	const struct former_port *port, *next;

	HASH_ITER (hh, datapath->former, port, next)
		visit(port->ifindex, port->ifname, context);
}

void forget_former_port(struct datapath *datapath, unsigned int ifindex)
{
	struct former_port *port = find_former(datapath, ifindex);

	if (!port)
		return;
	HASH_DEL(datapath->former, port);
	free(port);
}

void forget_former_ports(struct datapath *datapath)
{
	struct former_port *port, *next;

	HASH_ITER (hh, datapath->former, port, next) {
		HASH_DEL(datapath->former, port);
		free(port);
	}
}

int detach_former_port(struct datapath *datapath, unsigned int ifindex)
{
	const struct former_port *port = find_former(datapath, ifindex);

	if (!port)
		return -ENOENT;
	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++) {
		const struct attach_place place = {
			.pins = &datapath->objects.pins,
			.ifindex = ifindex,
			.direction = direction,
		};

		if (attach_ops_of(port->attach)->detach(&place) < 0)
			datapath->objects.has_dead_links = true;
	}
	forget_former_port(datapath, ifindex);
	return 0;
}
