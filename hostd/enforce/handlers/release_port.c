/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that an administrator says is nobody's.
 */
#include "hostd/enforce/handlers/release_port.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/log.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/enforce/handlers/lifecycle.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/unclaimed.h"

int release_port(struct enforcer *enforcer, const char *device, struct diag *diag)
{
	unsigned int ifindex = if_nametoindex(device);
	const struct managed_port *port;
	const struct managed_domain *owner = find_port_owner(enforcer, ifindex, &port);

	if (owner && owner->missing) {
		log_notice(owner->domain->name, "ended by vmseg port release: device %s is open",
			   device);
		stop_domain(enforcer, owner->uuid);
		return 0;
	}
	if (owner)
		return fail(diag, EBUSY, NULL, 0, "%s is filtered for domain %s (see vmseg %s)",
			    device, owner->domain->name,
			    is_port_domain(owner->domain) ? "port detach" : "detach");
	if (!ifindex || !find_unclaimed(enforcer, ifindex))
		return fail(diag, ENOENT, NULL, 0,
			    "%s is not an unclaimed device (see vmseg status): there is nothing to "
			    "release",
			    device);
	if (note_opened_by_hand(enforcer, ifindex) < 0)
		return fail(diag, ENOMEM, NULL, 0, "%s stays closed: out of memory", device);
	detach_port(enforcer->datapath, ifindex);
	claim_device(enforcer, ifindex);
	log_notice(NULL, "device %s: released by vmseg port release, no longer filtered", device);
	return 0;
}
