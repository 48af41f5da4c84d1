/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Updates of many ports at once.
 */
#ifndef VMSEG_BATCH_H
#define VMSEG_BATCH_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* A domain and the plan that it is to have. */
struct planned {
	struct managed_domain *managed;
	struct domain_plan *plan; /* apply_plans() takes its ports out */
};

/* Updates, of the ports in the plans, those that their domain has already: all or none, across all
 * domains. Returns 0 or -errno with an error in diag. */
int update_present_ports(struct enforcer *enforcer, const struct planned *items, size_t count,
			 struct diag *diag);

#endif
