/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests about groups: who carries a label, which addresses that makes, and whose rules name it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"
#include "hostd/control/methods.h"
#include "hostd/enforce/inventory/addresses.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/groups.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/plan/plan.h"
#include "hostd/enforce/plan/rule_notes.h"

static bool carries_group(const struct managed_domain *domain, const char *group)
{
	const struct domain_policy *policy = domain->policy;

	if (!policy || is_waiting(domain))
		return false;
	for (size_t i = 0; i < policy->group_count; i++) {
		if (strcmp(policy->groups[i], group) == 0)
			return true;
	}
	return false;
}

/* Whether a rule that is in force on one of the domain's ports names the group. */
static bool mentions_group(const struct managed_domain *domain, const char *group)
{
	for (size_t i = 0; i < domain->port_count; i++) {
		const struct port_plan *plan = domain->ports[i].plan;

		if (plan && rules_mention_group(plan->rules, group))
			return true;
	}
	return false;
}

static void for_each_mention(const struct policy *policy,
			     void (*visit)(const char *group, void *context), void *context)
{
	for (size_t i = 0; policy && i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		for (size_t j = 0; j < rule->remote_count; j++) {
			if (rule->remotes[j].kind == REMOTE_GROUP)
				visit(rule->remotes[j].name, context);
		}
	}
}

/* ---- one group ------------------------------------------------------------------------------ */

struct group_view {
	const char *name;
	json_t *domains;   /* that carry it */
	json_t *members;   /* the same with their addresses */
	json_t *addresses; /* of all of them: sorted, each once */
	json_t *policies;  /* of the library whose rules name it */
	json_t *used_by;   /* domains whose rules name it: they follow when it changes */
	bool mentioned;    /* by the policy that is looked at */
};

static int append_address(const struct prefix *prefix, void *context)
{
	char text[PREFIX_TEXT_BYTES];

	json_array_append_new(context, json_string(format_prefix(prefix, text)));
	return 0;
}

static void add_carrier(const struct managed_domain *domain, void *context)
{
	struct group_view *view = context;
	json_t *addresses;

	if (!carries_group(domain, view->name))
		return;
	addresses = json_array();
	for_each_address(domain, append_address, addresses);
	json_array_append_new(view->domains, json_string(domain->domain->name));
	json_array_append_new(view->members, json_pack("{s:s, s:o}", "domain", domain->domain->name,
						       "addresses", addresses));
}

static void add_user(const struct managed_domain *domain, void *context)
{
	struct group_view *view = context;

	if (mentions_group(domain, view->name))
		json_array_append_new(view->used_by, json_string(domain->domain->name));
}

static void note_mention(const char *group, void *context)
{
	struct group_view *view = context;

	view->mentioned |= strcmp(group, view->name) == 0;
}

static void add_policy(const char *name, const struct policy *policy, const char *error,
		       void *context)
{
	struct group_view *view = context;

	view->mentioned = false;
	for_each_mention(policy, note_mention, view);
	if (view->mentioned)
		json_array_append_new(view->policies, json_string(name));
}

static json_t *view_group(struct enforcer *enforcer, const char *name)
{
	struct group_view view = {
		.name = name,
		.domains = json_array(),
		.members = json_array(),
		.addresses = json_array(),
		.policies = json_array(),
		.used_by = json_array(),
	};
	const struct prefix *members;
	size_t count = group_members(enforcer_groups(enforcer), name, &members);

	for (size_t i = 0; i < count; i++)
		append_address(&members[i], view.addresses);
	for_each_domain(enforcer, add_carrier, &view);
	for_each_domain(enforcer, add_user, &view);
	for_each_policy(enforcer_library(enforcer), add_policy, &view);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "name", name, "domains", view.domains,
			 "members", view.members, "addresses", view.addresses, "policies",
			 view.policies, "used_by", view.used_by);
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* Names of groups that are carried or named by anybody: borrowed, in no order, some twice. */
struct group_names {
	const char **items;
	size_t count;
	bool failed; /* no memory: some are missing */
};

static void add_name(const char *name, void *context)
{
	struct group_names *names = context;
	const char **grown = grow_array(names->items, names->count, sizeof(*grown));

	if (!grown) {
		names->failed = true;
		return;
	}
	names->items = grown;
	grown[names->count++] = name;
}

static void add_names_of_domain(const struct managed_domain *domain, void *context)
{
	const struct domain_policy *policy = domain->policy;

	for (size_t i = 0; policy && i < policy->group_count; i++)
		add_name(policy->groups[i], context);
	for (size_t i = 0; i < domain->port_count; i++) {
		const struct port_plan *plan = domain->ports[i].plan;

		for (size_t j = 0; plan && j < plan->rules->group_count; j++)
			add_name(plan->rules->groups[j], context);
	}
}

static void add_names_of_policy(const char *name, const struct policy *policy, const char *error,
				void *context)
{
	for_each_mention(policy, add_name, context);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void free_names(struct group_names *names)
{
	free(names->items);
}

/* Sorted. */
static int list_names(struct enforcer *enforcer, struct group_names *ret)
{
	for_each_domain(enforcer, add_names_of_domain, ret);
	for_each_policy(enforcer_library(enforcer), add_names_of_policy, ret);
	if (ret->failed)
		return -ENOMEM;
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_names);
	return 0;
}

int answer_group_list(struct control_context *context, const json_t *params, json_t **ret_result,
		      struct diag *diag)
{
	_cleanup_(free_names) struct group_names names = {0};
	json_t *groups;
	int r = list_names(context->enforcer, &names);

	if (r < 0)
		return r;
	groups = json_array();
	for (size_t i = 0; i < names.count; i++) {
		if (i == 0 || strcmp(names.items[i - 1], names.items[i]) != 0)
			json_array_append_new(groups,
					      view_group(context->enforcer, names.items[i]));
	}
	*ret_result = json_pack("{s:o}", "groups", groups);
	return *ret_result ? 0 : -ENOMEM;
}

int answer_group_show(struct control_context *context, const json_t *params, json_t **ret_result,
		      struct diag *diag)
{
	const char *name = need_string(params, "name", diag);
	_cleanup_(free_names) struct group_names names = {0};
	int r;

	if (!name)
		return -EINVAL;
	r = list_names(context->enforcer, &names);
	if (r < 0)
		return r;
	if (!names.count ||
	    !bsearch(&name, names.items, names.count, sizeof(*names.items), compare_names))
		return fail(diag, ENOENT, NULL, 0,
			    "no running domain is in a group \"%s\", and no policy names it", name);
	*ret_result = view_group(context->enforcer, name);
	return *ret_result ? 0 : -ENOMEM;
}
