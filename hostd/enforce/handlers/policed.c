/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt's <bandwidth> and clsact. Libvirt polices what a device receives by an `ingress` qdisc,
 * which has the same place as clsact. The kernel refuses the second one.
 */
#include "hostd/enforce/handlers/policed.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "hostd/base/clock.h"
#include "hostd/datapath/attachment/attach.h"
#include "hostd/datapath/datapath.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/enforce/handlers/handlers_state.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/unclaimed.h"

/* How long after its `prepare` hook a domain's devices may come. */
#define START_USEC (60 * USEC_PER_SEC)

struct policed_start {
	char uuid[37];
	uint64_t until; /* monotonic_usec() */
	UT_hash_handle hh;
};

/* The NIC whose qdisc would be in clsact's way; NULL: none is. */
static const struct domain_interface *find_policed(const struct enforcer *enforcer,
						   const struct domain *domain)
{
	struct datapath_status status;

	read_datapath_status(enforcer->datapath, &status);
	if (!attach_needs_ingress_qdisc(status.attach))
		return NULL;
	for (size_t i = 0; i < domain->interface_count; i++) {
		const struct domain_interface *nic = &domain->interfaces[i];

		if (nic->polices && nic->kind != INTERFACE_NONE)
			return nic;
	}
	return NULL;
}

int refuse_policed(const struct enforcer *enforcer, const struct domain *domain, struct diag *diag)
{
	const struct domain_interface *nic = find_policed(enforcer, domain);
	char mac[MAC_TEXT_BYTES];

	if (!nic)
		return 0;
	return fail(diag, EOPNOTSUPP, domain->name, nic->line,
		    "interface %s has <bandwidth> with <%s>, which needs a qdisc in the place of "
		    "vmseg's clsact qdisc: remove it, or use a kernel with TCX (6.6 or later)",
		    format_mac(nic->mac, mac),
		    nic->kind == INTERFACE_MACVTAP ? "inbound" : "outbound");
}

static struct policed_start *find_start(const struct enforcer *enforcer, const char *uuid)
{
	struct policed_start *start;

	HASH_FIND_STR(enforcer->handlers->policed_starts, uuid, start);
	return start;
}

/* A tap that was created before its domain starts is closed as long as no process has it open or it
 * is down. It passes nothing then without programs, too. */
static void open_unheld(struct enforcer *enforcer, const struct domain *domain)
{
	for (size_t i = 0; i < domain->interface_count; i++) {
		const char *device = domain->interfaces[i].target;
		unsigned int ifindex = device ? if_nametoindex(device) : 0;
		const struct unclaimed_port *port = find_unclaimed(enforcer, ifindex);

		if (!port || !port->unheld || find_claimant(enforcer, device, NULL))
			continue;
		detach_port(enforcer->datapath, ifindex);
		claim_device(enforcer, ifindex);
	}
}

int expect_policed_start(struct enforcer *enforcer, const struct domain *domain)
{
	struct policed_start *start = find_start(enforcer, domain->uuid);

	if (!find_policed(enforcer, domain))
		return 0;
	if (!start) {
		start = calloc(1, sizeof(*start));
		if (!start)
			return -ENOMEM;
		memcpy(start->uuid, domain->uuid, sizeof(start->uuid));
		HASH_ADD_STR(enforcer->handlers->policed_starts, uuid, start);
		if (!was_added(&start->hh)) {
			free(start);
			return -ENOMEM;
		}
	}
	start->until = monotonic_usec() + START_USEC;
	open_unheld(enforcer, domain);
	return 0;
}

static void drop_start(struct enforcer *enforcer, struct policed_start *start)
{
	HASH_DEL(enforcer->handlers->policed_starts, start);
	free(start);
}

void forget_policed_start(struct enforcer *enforcer, const char *uuid)
{
	struct policed_start *start = find_start(enforcer, uuid);

	if (start)
		drop_start(enforcer, start);
}

bool awaits_policed_start(struct enforcer *enforcer)
{
	uint64_t now = monotonic_usec();
	struct policed_start *start, *next;

	HASH_ITER (hh, enforcer->handlers->policed_starts, start, next) {
		if (start->until <= now)
			drop_start(enforcer, start);
	}
	return enforcer->handlers->policed_starts != NULL;
}

void free_policed(struct enforcer *enforcer)
{
	struct policed_start *start, *next;

	HASH_ITER (hh, enforcer->handlers->policed_starts, start, next)
		drop_start(enforcer, start);
}
