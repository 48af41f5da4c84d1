/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filtering taken off running domains, and put on again, by an administrator.
 */
#include "hostd/enforce/handlers/detach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/enforce/apply/apply.h"
#include "hostd/enforce/apply/batch.h"
#include "hostd/enforce/apply/wanted.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/persist.h"
#include "hostd/enforce/inventory/unclaimed.h"

static struct managed_domain *get_domain(struct enforcer *enforcer, const char *name,
					 struct diag *diag)
{
	/* The table is this module's own: only the outside sees it as read-only. */
	const struct managed_domain *found = find_domain(enforcer, name, diag);

	return found ? find_managed(enforcer, found->uuid) : NULL;
}

static void detach_by_hand(struct enforcer *enforcer, struct managed_domain *managed)
{
	detach_ports(enforcer, managed);
	managed->detached = true;
	save_domain(enforcer, managed);
	log_notice(managed->domain->name,
		   "detached by vmseg detach: not filtered until it is attached or starts again");
}

int detach_domain(struct enforcer *enforcer, const char *name, struct diag *diag)
{
	struct managed_domain *managed = get_domain(enforcer, name, diag);

	if (!managed)
		return -ENOENT;
	if (!is_managed(managed))
		return fail(diag, EINVAL, name, 0,
			    "has no vmseg metadata: there is nothing to detach");
	detach_by_hand(enforcer, managed);
	return 0;
}

void detach_everything(struct enforcer *enforcer)
{
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (may_be_managed(m))
			detach_by_hand(enforcer, m);
	}
	for (struct unclaimed_port *port = enforcer->unclaimed; port; port = port->hh.next)
		detach_port(enforcer->datapath, port->ifindex);
	free_unclaimed(enforcer);
}

int attach_domain(struct enforcer *enforcer, const char *name, struct diag *diag)
{
	struct managed_domain *managed = get_domain(enforcer, name, diag);
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	size_t wanted;

	if (!managed)
		return -ENOENT;
	if (!is_managed(managed))
		return fail(diag, EINVAL, name, 0,
			    "has no vmseg metadata: there is nothing to attach");
	if (plan_wanted(enforcer, managed, &plan) < 0 || (managed->detached && managed->error))
		return fail(diag, EINVAL, NULL, 0, "%s", managed->error);
	if (!plan)
		return fail(diag, EINVAL, name, 0,
			    "has no vmseg metadata: there is nothing to attach");
	trust_names(managed);
	open_pickup(enforcer, managed);
	managed->detached = false;
	wanted = plan->port_count;
	apply_plans(enforcer, &(struct planned){managed, plan}, 1);
	if (wanted > 0 && managed->port_count == 0 && !is_waiting(managed)) {
		managed->detached = true;
		return fail(diag, ENOMEM, name, 0, "stays detached: out of memory");
	}
	save_domain(enforcer, managed);
	log_notice(managed->domain->name, "attached again");
	return 0;
}
