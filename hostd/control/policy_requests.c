/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests about the policy library that is in use.
 */
#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/control/methods.h"
#include "hostd/control/views.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/plan/plan.h"
#include "hostd/policy/write/print.h"

struct listing {
	struct enforcer *enforcer;
	json_t *policies;
	const char *name; /* whose users are counted */
	json_int_t users;
};

static bool uses_policy(const struct managed_domain *domain, const char *name)
{
	for (size_t i = 0; i < domain->port_count; i++) {
		const struct port_plan *plan = domain->ports[i].plan;

		for (size_t j = 0; plan && j < plan->policy_count; j++) {
			if (strcmp(plan->policies[j], name) == 0)
				return true;
		}
	}
	return false;
}

static void count_user(const struct managed_domain *domain, void *context)
{
	struct listing *listing = context;

	listing->users += uses_policy(domain, listing->name);
}

static void list_policy(const char *name, const struct policy *policy, const char *error,
			void *context)
{
	struct listing *listing = context;

	listing->name = name;
	listing->users = 0;
	for_each_domain(listing->enforcer, count_user, listing);
	json_array_append_new(listing->policies,
			      json_pack("{s:s, s:o, s:I, s:I, s:o}", "name", name, "description",
					json_text(policy ? policy->description : NULL), "rules",
					(json_int_t)(policy ? policy->rule_count : 0), "domains",
					listing->users, "error", json_text(error)));
}

int answer_policy_list(struct control_context *context, const json_t *params, json_t **ret_result,
		       struct diag *diag)
{
	struct listing listing = {context->enforcer, json_array(), NULL, 0};

	for_each_policy(enforcer_library(context->enforcer), list_policy, &listing);
	*ret_result = json_pack("{s:s, s:o}", "directory",
				enforcer_config(context->enforcer)->policy_directory, "policies",
				listing.policies);
	return *ret_result ? 0 : -ENOMEM;
}

/* Canonical XML of whatever has this name: it is a file's, so no policy and set share one. */
static int print_named(const struct library *library, const char *name, FILE *stream,
		       struct diag *diag)
{
	_cleanup_(clear_diag) struct diag unused = {0};
	const struct address_set *set = find_address_set(library, name, &unused);
	const struct policy *policy;

	if (set) {
		print_address_set(set, stream);
		return 0;
	}
	policy = find_policy(library, name, diag);
	if (!policy)
		return fail(diag, ENOENT, NULL, 0, "no policy or set is named \"%s\"", name);
	print_policy(policy, stream);
	return 0;
}

int answer_policy_show(struct control_context *context, const json_t *params, json_t **ret_result,
		       struct diag *diag)
{
	const char *name = need_string(params, "name", diag);
	_cleanup_free_ char *xml = NULL;
	FILE *stream;
	size_t size;
	int r;

	if (!name)
		return -EINVAL;
	stream = open_memstream(&xml, &size);
	if (!stream)
		return -ENOMEM;
	r = print_named(enforcer_library(context->enforcer), name, stream, diag);
	if (fclose(stream) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	*ret_result = json_pack("{s:s, s:s}", "name", name, "xml", xml);
	return *ret_result ? 0 : -ENOMEM;
}
