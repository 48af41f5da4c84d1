/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plans of many domains are made first and then applied together.
 */
#include "hostd/enforce/handlers/replan.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/enforce/apply/apply.h"
#include "hostd/enforce/apply/wanted.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/persist.h"

int begin_replanning(struct enforcer *enforcer, struct replanning *ret)
{
	*ret = (struct replanning){0};
	ret->items = calloc(HASH_COUNT(enforcer->domains) + 1, sizeof(*ret->items));
	return ret->items ? 0 : -ENOMEM;
}

void end_replanning(struct enforcer *enforcer, struct replanning *replanning)
{
	apply_plans(enforcer, replanning->items, replanning->count);
	for (size_t i = 0; i < replanning->count; i++) {
		free_domain_plan(&replanning->items[i].plan);
		save_domain(enforcer, replanning->items[i].managed);
	}
	free(replanning->items);
}

bool add_replan(struct enforcer *enforcer, struct replanning *replanning,
		struct managed_domain *managed)
{
	struct planned *item = &replanning->items[replanning->count];

	if (plan_wanted(enforcer, managed, &item->plan) < 0)
		return true;
	if (!item->plan)
		return false;
	item->managed = managed;
	if (!managed->detached) {
		replanning->count++;
		return true;
	}
	free_domain_plan(&item->plan);
	save_domain(enforcer, managed);
	return true;
}
