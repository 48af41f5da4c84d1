/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests about groups: who carries a label, and which addresses that makes.
 */
#include <errno.h>
#include <string.h>

#include "hostd/control/methods.h"
#include "hostd/enforce/groups.h"

struct carriers {
	const char *group;
	json_t *names;
};

static void add_carrier(const struct managed_domain *domain, void *context)
{
	const struct domain_policy *policy = domain->policy;
	struct carriers *carriers = context;

	for (size_t i = 0; policy && i < policy->group_count; i++) {
		if (strcmp(policy->groups[i], carriers->group) == 0)
			json_array_append_new(carriers->names, json_string(domain->domain->name));
	}
}

struct listing {
	struct enforcer *enforcer;
	json_t *groups;
};

static void list_group(const char *name, const struct prefix *members, size_t count, void *context)
{
	struct listing *listing = context;
	struct carriers carriers = {name, json_array()};
	json_t *addresses = json_array();
	char text[PREFIX_TEXT_BYTES];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(addresses, json_string(format_prefix(&members[i], text)));
	for_each_domain(listing->enforcer, add_carrier, &carriers);
	json_array_append_new(listing->groups, json_pack("{s:s, s:o, s:o}", "name", name, "domains",
							 carriers.names, "addresses", addresses));
}

int answer_groups(struct control_context *context, const json_t *params, json_t **ret_result,
		  struct diag *diag)
{
	struct listing listing = {context->enforcer, json_array()};

	for_each_group(enforcer_groups(context->enforcer), list_group, &listing);
	*ret_result = json_pack("{s:o}", "groups", listing.groups);
	return *ret_result ? 0 : -ENOMEM;
}
