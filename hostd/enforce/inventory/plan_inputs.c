/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/enforce/inventory/plan_inputs.h"

#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/groups.h"

static size_t list_members(void *context, const char *group, const struct prefix **ret)
{
	const struct enforcer *enforcer = context;

	return group_members(enforcer->groups, group, ret);
}

struct plan_inputs plan_inputs(struct enforcer *enforcer, const struct library_share *library)
{
	bool newest = !library || library == enforcer->library;

	return (struct plan_inputs){
		.config = enforcer->config,
		.library = library ? library->library : enforcer->library->library,
		.groups = {list_members, enforcer},
		.rules = newest ? &enforcer->rules : NULL,
	};
}
