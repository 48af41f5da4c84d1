/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attached devices without a known domain: new ones that wait for libvirt's word, and those that a
 * daemon left which died before it could write down whose they are.
 */
#include <net/if.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/enforce/state.h"

/* A device that libvirt makes for a running domain is in the domain's XML after this time. */
#define UNCLAIMED_USEC (30 * USEC_PER_SEC)

static struct unclaimed_port *find_unclaimed(struct enforcer *enforcer, unsigned int ifindex)
{
	struct unclaimed_port *port;

	HASH_FIND(hh, enforcer->unclaimed, &ifindex, sizeof(ifindex), port);
	return port;
}

void add_unclaimed(struct enforcer *enforcer, unsigned int ifindex, const char *device)
{
	struct unclaimed_port *port = calloc(1, sizeof(*port));

	if (!port)
		return;
	port->ifindex = ifindex;
	strncpy(port->device, device, sizeof(port->device) - 1);
	port->since = monotonic_usec();
	HASH_ADD(hh, enforcer->unclaimed, ifindex, sizeof(port->ifindex), port);
}

void claim_device(struct enforcer *enforcer, unsigned int ifindex)
{
	struct unclaimed_port *port = find_unclaimed(enforcer, ifindex);

	if (!port)
		return;
	HASH_DEL(enforcer->unclaimed, port);
	free(port);
}

void release_devices(struct enforcer *enforcer, const struct domain *domain)
{
	for (size_t i = 0; i < domain->interface_count; i++) {
		const char *device = domain->interfaces[i].target;
		unsigned int ifindex = device ? if_nametoindex(device) : 0;
		struct unclaimed_port *port = ifindex ? find_unclaimed(enforcer, ifindex) : NULL;

		if (port)
			port->released = true;
	}
}

static struct unclaimed_port *find_released(const struct enforcer *enforcer)
{
	struct unclaimed_port *port = enforcer->unclaimed;

	while (port && !port->released)
		port = port->hh.next;
	return port;
}

bool has_released_device(const struct enforcer *enforcer)
{
	return find_released(enforcer);
}

void open_released_device(struct enforcer *enforcer)
{
	const struct unclaimed_port *port = find_released(enforcer);
	unsigned int ifindex;

	if (!port)
		return;
	ifindex = port->ifindex;
	detach_port(enforcer->datapath, ifindex);
	claim_device(enforcer, ifindex);
}

void release_unclaimed(struct enforcer *enforcer, uint64_t seen)
{
	struct unclaimed_port *port, *next;

	if (has_bad_port_state(enforcer))
		return;
	HASH_ITER (hh, enforcer->unclaimed, port, next) {
		if (port->since + UNCLAIMED_USEC > seen)
			continue;
		log_notice(NULL, "%s belongs to no running domain: not filtered any more",
			   port->device);
		detach_port(enforcer->datapath, port->ifindex);
		claim_device(enforcer, port->ifindex);
	}
}

void free_unclaimed(struct enforcer *enforcer)
{
	struct unclaimed_port *port, *next;

	HASH_ITER (hh, enforcer->unclaimed, port, next) {
		HASH_DEL(enforcer->unclaimed, port);
		free(port);
	}
}

const struct unclaimed_port *first_unclaimed_port(struct enforcer *enforcer)
{
	return enforcer->unclaimed;
}
