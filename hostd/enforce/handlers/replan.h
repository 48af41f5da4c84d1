/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * New plans of many domains, applied together.
 */
#ifndef VMSEG_REPLAN_H
#define VMSEG_REPLAN_H

#include "hostd/enforce/apply/batch.h"

struct replanning {
	struct planned *items;
	size_t count;
};

/* Returns 0 or -ENOMEM. */
int begin_replanning(struct enforcer *enforcer, struct replanning *ret);

/* Plans what is asked for now. False: the domain is not to be filtered any more. */
bool add_replan(struct enforcer *enforcer, struct replanning *replanning,
		struct managed_domain *managed);

/* Applies all plans, saves the domains, frees `replanning`. */
void end_replanning(struct enforcer *enforcer, struct replanning *replanning);

#endif
