/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plans with another library than the one in force.
 */
#include "hostd/change/candidate.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/plan_inputs.h"
#include "hostd/enforce/plan/description.h"
#include "hostd/policy/check/trial.h"
#include "hostd/policy/read/parse.h"

int read_candidate(const struct enforcer *enforcer, const char *xml, const char *source,
		   struct candidate **ret, struct diag *diag)
{
	_cleanup_(free_candidate) struct candidate *candidate = calloc(1, sizeof(*candidate));
	_cleanup_(free_policy) struct policy *policy = NULL;
	_cleanup_(free_address_set) struct address_set *set = NULL;
	const struct library *library = enforcer_library(enforcer);
	uint32_t nodes;
	int r;

	if (!candidate)
		return fail_memory(diag, source);
	r = parse_policy_text(xml, strlen(xml), source, &policy, &set, diag);
	if (r < 0)
		return r;
	candidate->name = policy ? policy->name : set->name;
	if (!candidate->name)
		return fail(diag, EINVAL, source, 0, "attribute \"name\" is missing");
	r = policy ? try_policy(library, policy, &nodes, diag) : 0;
	if (r < 0)
		return r;
	r = substitute_entry(library, TAKE_PTR(policy), TAKE_PTR(set), &candidate->library);
	if (r < 0)
		return fail(diag, -r, source, 0, "out of memory");
	*ret = TAKE_PTR(candidate);
	return 0;
}

void free_candidate(struct candidate **candidate)
{
	if (!*candidate)
		return;
	clear_rules_cache(&(*candidate)->rules);
	free_library(&(*candidate)->library);
	free(*candidate);
	*candidate = NULL;
}

/* `alone`: with the candidate in place of all policies that the domain names. */
static int plan_with(struct enforcer *enforcer, struct candidate *candidate, bool alone,
		     const struct managed_domain *domain, struct domain_plan **ret,
		     struct diag *diag)
{
	_cleanup_(free_domain_policy) struct domain_policy *policy = NULL;
	struct plan_inputs inputs = plan_inputs(enforcer, NULL);
	int r = read_domain_policy(enforcer_config(enforcer), domain->domain, &policy, diag);

	if (r < 0)
		return r;
	if (!policy) {
		*ret = NULL;
		return 0;
	}
	if (alone) {
		r = set_only_policy(policy, candidate->name);
		if (r < 0)
			return fail(diag, -r, NULL, 0, "out of memory");
	}
	inputs.library = candidate->library;
	inputs.rules = &candidate->rules;
	return plan_domain(&inputs, domain->domain, policy, ret, diag);
}

int plan_candidate(struct enforcer *enforcer, struct candidate *candidate,
		   const struct managed_domain *domain, struct domain_plan **ret, struct diag *diag)
{
	return plan_with(enforcer, candidate, false, domain, ret, diag);
}

int plan_candidate_alone(struct enforcer *enforcer, struct candidate *candidate,
			 const struct managed_domain *domain, struct domain_plan **ret,
			 struct diag *diag)
{
	return plan_with(enforcer, candidate, true, domain, ret, diag);
}

const struct port_plan *find_port_plan(const struct domain_plan *plan,
				       const struct managed_port *port)
{
	for (size_t i = 0; plan && i < plan->port_count; i++) {
		const struct port_plan *candidate = plan->ports[i];

		if (memcmp(candidate->mac, port->mac, MAC_BYTES) == 0 &&
		    (!candidate->target || strcmp(candidate->target, port->device) == 0))
			return candidate;
	}
	return NULL;
}
