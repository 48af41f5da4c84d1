/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * References: from settings, domains and NICs to policies, and from policies to sets.
 */
#include "hostd/change/policy_use.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/change/policy_file.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/policy/read/parse.h"

static bool names_set(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		for (size_t j = 0; j < rule->remote_count; j++) {
			if (rule->remotes[j].kind == REMOTE_SET &&
			    strcmp(rule->remotes[j].name, name) == 0)
				return true;
		}
	}
	return false;
}

static bool is_named(const char *setting, const char *name)
{
	return setting && strcmp(setting, name) == 0;
}

/* ---- who would miss it ---------------------------------------------------------------------- */

struct user_search {
	const char *name;
	const char *kind; /* "domain" or "policy"; NULL: nobody yet */
	const char *user;
};

static bool lists_policy(const struct policy_item *items, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (is_named(items[i].ref, name))
			return true;
	}
	return false;
}

static void search_domain(const struct managed_domain *domain, void *context)
{
	const struct domain_policy *policy = domain->policy;
	struct user_search *search = context;
	bool found;

	if (!policy || search->kind)
		return;
	found = lists_policy(policy->policies, policy->policy_count, search->name);
	for (size_t i = 0; i < policy->interface_count; i++)
		found = found || lists_policy(policy->interfaces[i].policies,
					      policy->interfaces[i].policy_count, search->name);
	if (found) {
		search->kind = "domain";
		search->user = domain->domain->name;
	}
}

static void search_policy(const char *name, const struct policy *policy, const char *error,
			  void *context)
{
	struct user_search *search = context;

	if (policy && !search->kind && names_set(policy, search->name)) {
		search->kind = "policy";
		search->user = name;
	}
}

/* A file that is not a policy names no set. */
static bool kept_file_names(const struct pending_change *change, const char *name)
{
	_cleanup_free_ char *path = kept_file_path(change->directory, change->name);
	_cleanup_(free_address_set) struct address_set *set = NULL;
	_cleanup_(free_policy) struct policy *policy = NULL;
	_cleanup_(clear_diag) struct diag unused = {0};

	return path && change->existed &&
	       parse_trusted_policy_file(path, &policy, &set, &unused) == 0 && policy &&
	       names_set(policy, name);
}

int check_unused(struct enforcer *enforcer, const struct pending_changes *pending, const char *name,
		 struct diag *diag)
{
	const struct config *config = enforcer_config(enforcer);
	struct user_search search = {.name = name};
	const struct pending_change *change;

	if (is_named(config->mandatory_policy, name) || is_named(config->unmanaged_policy, name))
		return fail(diag, EBUSY, NULL, 0, "%s is in use: the settings name it", name);
	for_each_domain(enforcer, search_domain, &search);
	for_each_policy(enforcer_library(enforcer), search_policy, &search);
	if (search.kind)
		return fail(diag, EBUSY, NULL, 0, "%s is in use: %s %s names it", name, search.kind,
			    search.user);
	for (change = pending->table; change; change = change->hh.next) {
		if (kept_file_names(change, name))
			return fail(diag, EBUSY, NULL, 0,
				    "%s is in use: the previous policy %s names it, and will be "
				    "restored unless the change is confirmed",
				    name, change->name);
	}
	return 0;
}

/* ---- what depends on it --------------------------------------------------------------------- */

/* The policy itself, or a set in it. */
static bool policy_depends(const struct library *library, const char *ref, const char *name)
{
	_cleanup_(clear_diag) struct diag unused = {0};
	const struct policy *policy;

	if (!ref)
		return false;
	if (strcmp(ref, name) == 0)
		return true;
	policy = find_policy(library, ref, &unused);
	return policy && names_set(policy, name);
}

static bool list_depends(const struct library *library, const struct policy_item *items,
			 size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (policy_depends(library, items[i].ref, name) ||
		    (items[i].policy && names_set(items[i].policy, name)))
			return true;
	}
	return false;
}

bool depends_on(const struct enforcer *enforcer, const struct library *library,
		const struct managed_domain *domain, const char *name)
{
	const struct domain_policy *policy = domain->policy;

	if (!policy)
		return false;
	if (policy_depends(library, enforcer_config(enforcer)->mandatory_policy, name) ||
	    list_depends(library, policy->policies, policy->policy_count, name))
		return true;
	for (size_t i = 0; i < policy->interface_count; i++) {
		if (list_depends(library, policy->interfaces[i].policies,
				 policy->interfaces[i].policy_count, name))
			return true;
	}
	return false;
}
