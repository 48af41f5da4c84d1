/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Former ports, by what the kernel itself says: the maps that would tell more cannot be read.
 */
#include "hostd/datapath/ports/former.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/attachment/clsact.h"
#include "hostd/datapath/attachment/program.h"
#include "hostd/datapath/attachment/tcx.h"
#include "hostd/datapath/datapath_state.h"
#include "hostd/datapath/ports/port_table.h"
#include "vmseg.skel.h"

struct former_port {
	unsigned int ifindex;
	char ifname[IF_NAMESIZE];
	enum attach_method attach;
	bool hooked[2]; /* by direction; with clsact true for ingress and egress */
	UT_hash_handle hh;
};

static void free_names(struct if_nameindex **names)
{
	if (*names)
		if_freenameindex(*names);
}

static struct former_port *find_former(const struct datapath *datapath, unsigned int ifindex)
{
	struct former_port *port;

	HASH_FIND(hh, datapath->former, &ifindex, sizeof(ifindex), port);
	return port;
}

static void note_former(struct datapath *datapath, unsigned int ifindex, enum attach_method method,
			int place)
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
	port->hooked[place] = true;
}

/* Does a program of vmseg's use this datapath's maps? */
static bool shares_maps(const struct datapath *datapath, uint32_t program_id)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	int map = bpf_map__fd(datapath->skeleton->maps.port_index);

	return bpf_obj_get_info_by_fd(map, &info, &size) == 0 && uses_map(program_id, info.id);
}

/* Of a macvtap the directions are the other way round: either way will do. */
static bool query_link(const char *path, unsigned int ifindex, struct tcx_status *ret)
{
	return (query_tcx(path, ifindex, true, ret) == 0 && ret->attached) ||
	       (query_tcx(path, ifindex, false, ret) == 0 && ret->attached);
}

static void look_at_link(const char *path, unsigned int ifindex, void *context)
{
	struct datapath *datapath = context;
	struct tcx_status status;

	if (find_filtered_port(datapath, ifindex) || !is_own_tcx_link(path))
		return;
	if (query_link(path, ifindex, &status) && !shares_maps(datapath, status.program_id))
		note_former(datapath, ifindex, ATTACH_TCX, strstr(path, "-in") != NULL);
	else if (detach_tcx(path) < 0)
		datapath->has_dead_links = true;
}

void remove_dead_links(struct datapath *datapath)
{
	if (!datapath->has_dead_links)
		return;
	datapath->has_dead_links = false;
	for_each_link_pin(&datapath->pins, look_at_link, datapath);
}

static void look_at_filter(struct datapath *datapath, unsigned int ifindex, bool ingress)
{
	uint32_t id;

	if (query_clsact(ifindex, ingress, &id) < 0 || !is_own_program(id))
		return;
	if (shares_maps(datapath, id))
		detach_clsact(ifindex, ingress);
	else
		note_former(datapath, ifindex, ATTACH_CLSACT, ingress);
}

void find_former_ports(struct datapath *datapath)
{
	_cleanup_(free_names) struct if_nameindex *names = if_nameindex();

	for_each_link_pin(&datapath->pins, look_at_link, datapath);
	for (const struct if_nameindex *name = names; name && name->if_index; name++) {
		if (find_filtered_port(datapath, name->if_index) ||
		    find_former(datapath, name->if_index))
			continue;
		look_at_filter(datapath, name->if_index, true);
		look_at_filter(datapath, name->if_index, false);
	}
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

int strip_former_port(struct datapath *datapath, unsigned int ifindex)
{
	const struct former_port *port = find_former(datapath, ifindex);
	char pin[PIN_PATH_BYTES];

	if (!port)
		return -ENOENT;
	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++) {
		if (port->attach == ATTACH_CLSACT)
			detach_clsact(ifindex, direction == DIRECTION_OUT);
		else if (detach_tcx(link_pin(&datapath->pins, ifindex, direction, pin)) < 0)
			datapath->has_dead_links = true;
	}
	forget_former_port(datapath, ifindex);
	return 0;
}
