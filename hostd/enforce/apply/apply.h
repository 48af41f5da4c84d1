/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plans are put in force.
 */
#ifndef VMSEG_APPLY_H
#define VMSEG_APPLY_H

#include "hostd/enforce/apply/batch.h"

/* Attaches every port of the plan for a domain that starts, or none. A device that it has as a port
 * already stays filtered also on failure. */
int apply_new_plan(struct enforcer *enforcer, struct managed_domain *managed,
		   struct domain_plan *plan, struct diag *diag);

/* Brings each domain's ports to its plan. A port that cannot be brought there keeps what it has, or
 * passes nothing where it is new, and carries the error. Ports that are not in the plan are
 * detached. */
void apply_plans(struct enforcer *enforcer, const struct planned *items, size_t count);

/* Closes the devices that `domain` names and that are not attached yet; ports of devices that it
 * does not name are detached. */
void apply_closed(struct enforcer *enforcer, struct managed_domain *managed,
		  const struct domain *domain);

/* Detaches every port. */
void detach_ports(struct enforcer *enforcer, struct managed_domain *managed);

#endif
