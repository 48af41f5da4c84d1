/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests about domains: all of them in a line each, one of them in full.
 */
#include <errno.h>

#include "hostd/control/methods.h"
#include "hostd/control/views.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/enforce/handlers/gaps.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

static json_t *name_policies(const struct managed_domain *domain)
{
	const struct domain_policy *policy = domain->policy;
	json_t *names = json_array();

	for (size_t i = 0; policy && i < policy->policy_count; i++)
		json_array_append_new(names,
				      json_string(policy->policies[i].ref ? policy->policies[i].ref
									  : "inline"));
	return names;
}

static json_t *name_groups(const struct managed_domain *domain)
{
	const struct domain_policy *policy = domain->policy;
	json_t *names = json_array();

	for (size_t i = 0; policy && i < policy->group_count; i++)
		json_array_append_new(names, json_string(policy->groups[i]));
	return names;
}

static json_int_t count_sessions(struct enforcer *enforcer, const struct managed_domain *domain)
{
	json_int_t sessions = 0;

	for (size_t i = 0; i < domain->port_count; i++) {
		struct port_status status;

		if (domain->ports[i].ifindex &&
		    read_port_status(enforcer_datapath(enforcer), domain->ports[i].ifindex,
				     &status) == 0)
			sessions += status.session_count;
	}
	return sessions;
}

static const char *first_error(const struct managed_domain *domain)
{
	if (domain->error)
		return domain->error;
	for (size_t i = 0; i < domain->port_count; i++) {
		if (domain->ports[i].error)
			return domain->ports[i].error;
		if (domain->ports[i].hook_problem)
			return domain->ports[i].hook_problem;
	}
	return NULL;
}

static json_t *view_domain(struct enforcer *enforcer, const struct managed_domain *domain)
{
	const char *error = first_error(domain), *gap = NULL;
	char text[GAP_BYTES];

	if (find_gap(enforcer, domain, true, text, sizeof(text)))
		gap = text;
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "name",
			 domain->domain->name, "uuid", domain->domain->uuid, "driver",
			 domain->domain->driver, "state", domain_state(domain, gap), "port_count",
			 (json_int_t)domain->port_count, "sessions",
			 count_sessions(enforcer, domain), "policies", name_policies(domain),
			 "groups", name_groups(domain), "error", json_text(error ? error : gap),
			 "warnings", view_warnings(enforcer, domain), "unfiltered",
			 view_unfiltered(domain));
}

struct listing {
	struct enforcer *enforcer;
	json_t *domains;
};

static void list_domain(const struct managed_domain *domain, void *context)
{
	struct listing *listing = context;

	json_array_append_new(listing->domains, view_domain(listing->enforcer, domain));
}

int answer_list(struct control_context *context, const json_t *params, json_t **ret_result,
		struct diag *diag)
{
	struct listing listing = {context->enforcer, json_array()};

	for_each_domain(context->enforcer, list_domain, &listing);
	*ret_result = json_pack("{s:o}", "domains", listing.domains);
	return *ret_result ? 0 : -ENOMEM;
}

int answer_show(struct control_context *context, const json_t *params, json_t **ret_result,
		struct diag *diag)
{
	const char *name = need_string(params, "domain", diag);
	const struct managed_domain *domain;
	json_t *view, *ports;

	if (!name)
		return -EINVAL;
	domain = find_domain(context->enforcer, name, diag);
	if (!domain)
		return -ENOENT;
	view = view_domain(context->enforcer, domain);
	ports = json_array();
	for (size_t i = 0; i < domain->port_count; i++)
		json_array_append_new(ports, view_port(context->enforcer, &domain->ports[i]));
	json_object_set_new(view, "ports", ports);
	*ret_result = view;
	return view ? 0 : -ENOMEM;
}
