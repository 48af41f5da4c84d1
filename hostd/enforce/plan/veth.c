/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other ends of veths as targets.
 */
#include "hostd/enforce/plan/veth.h"

#include <net/if.h>
#include <string.h>

#include "hostd/netlink/link_info.h"

/* 0: there is none here. */
static unsigned int find_peer(const char *device)
{
	unsigned int ifindex = if_nametoindex(device);
	struct link_info info;

	return ifindex && read_link_info(ifindex, &info) == 0 ? info.peer : 0;
}

void find_veth_targets(struct domain *domain)
{
	for (size_t i = 0; i < domain->interface_count; i++) {
		struct domain_interface *interface = &domain->interfaces[i];
		char name[IF_NAMESIZE];
		unsigned int peer;

		if (interface->target || !interface->guest_end)
			continue;
		peer = find_peer(interface->guest_end);
		if (peer && if_indextoname(peer, name))
			interface->target = strdup(name);
	}
}
