/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domain XML in, policy out.
 */
#include "hostd/enforce/plan/description.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/domain/domain_xml.h"
#include "hostd/policy/read/parse.h"

int set_only_policy(struct domain_policy *policy, const char *name)
{
	struct policy_item *items = calloc(1, sizeof(*items));
	char *ref = strdup(name);

	if (!items || !ref) {
		free(items);
		free(ref);
		return -ENOMEM;
	}
	items->ref = ref;
	free_policy_items(policy->policies, policy->policy_count);
	policy->policies = items;
	policy->policy_count = 1;
	for (size_t i = 0; i < policy->interface_count; i++) {
		struct interface_policy *nic = &policy->interfaces[i];

		free_policy_items(nic->policies, nic->policy_count);
		nic->policies = NULL;
		nic->policy_count = 0;
	}
	return 0;
}

static int refer_to_policy(const char *name, struct domain_policy **ret)
{
	_cleanup_(free_domain_policy) struct domain_policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return -ENOMEM;
	init_domain_policy(policy);
	if (set_only_policy(policy, name) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(policy);
	return 0;
}

int read_domain_policy(const struct config *config, const struct domain *domain,
		       struct domain_policy **ret, struct diag *diag)
{
	_cleanup_free_ char *source = NULL;

	if (!domain->metadata && domain->metadata_problem)
		return check_metadata(domain, diag);
	if (!domain->metadata && !config->unmanaged_policy) {
		*ret = NULL;
		return 0;
	}
	if (!domain->metadata)
		return refer_to_policy(config->unmanaged_policy, ret);
	if (asprintf(&source, "%s %s", is_port_domain(domain) ? "port" : "domain", domain->name) <
	    0) {
		source = NULL;
		return -ENOMEM;
	}
	/* What vmseg itself has written has no lines to look at. */
	return parse_domain_policy(domain->metadata, strlen(domain->metadata), source,
				   is_port_domain(domain) ? 0 : domain->metadata_line, ret, diag);
}

int read_description(const struct config *config, const char *xml, struct domain **ret_domain,
		     struct domain_policy **ret_policy, struct diag *diag)
{
	_cleanup_(free_domain) struct domain *domain = NULL;
	struct domain_policy *policy = NULL;
	int r = parse_domain(xml, strlen(xml), &domain, diag);

	if (r == 0)
		r = check_metadata(domain, diag);
	if (r == 0)
		r = read_domain_policy(config, domain, &policy, diag);
	if (r < 0)
		return r;
	*ret_policy = policy;
	*ret_domain = TAKE_PTR(domain);
	return 0;
}

int check_unfilterable(const struct config *config, const struct domain *domain, struct diag *diag)
{
	for (size_t i = 0; i < domain->unfilterable_count; i++) {
		const struct unfilterable_nic *item = &domain->unfilterable[i];

		if (config->unfilterable == UNFILTERABLE_REFUSE)
			return fail(diag, EOPNOTSUPP, domain->name, item->line,
				    "%s %s (remove it, or set unfilterable-interfaces = ignore in "
				    "hostd.conf)",
				    item->name, item->reason);
		warn(diag, domain->name, item->line, "%s is not filtered: it %s", item->name,
		     item->reason);
	}
	return 0;
}

void warn_of_unknown_interfaces(const struct domain *domain, const struct domain_policy *policy,
				struct diag *diag)
{
	char mac[MAC_TEXT_BYTES];

	for (size_t i = 0; i < policy->interface_count; i++) {
		const struct interface_policy *nic = &policy->interfaces[i];

		if (!has_nic(domain, nic->mac))
			warn(diag, policy->place.source, nic->line,
			     "<interface>: the domain has no interface with mac=\"%s\": this "
			     "element has no effect",
			     format_mac(nic->mac, mac));
	}
}
