/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the newest description asks for, and what is in force.
 */
#ifndef VMSEG_WANTED_H
#define VMSEG_WANTED_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* Plans what is asked for now, with the newest library and groups. A NIC that cannot have it keeps
 * what it has, by the newest rules that are good for that; a NIC that has nothing is to be closed.
 * Sets the domain's `error`, and where nothing is wrong what is in force. *ret is NULL for a domain
 * that is not filtered. Returns 0, or -ENOMEM and nothing has changed but the error. */
int plan_wanted(struct enforcer *enforcer, struct managed_domain *managed,
		struct domain_plan **ret);

/* The same, put in force and saved. */
void enforce_wanted(struct enforcer *enforcer, struct managed_domain *managed);

/* The domain has no vmseg metadata (any more): its devices are opened. */
void stop_filtering(struct enforcer *enforcer, struct managed_domain *managed);

/* Logs the warnings about a plan that is in force: parts of it may not do what its author expects.
 */
void log_warnings(const struct domain *domain, const struct diag *diag);

#endif
