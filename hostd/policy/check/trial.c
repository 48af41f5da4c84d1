/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole way from a policy to an image, for its own sake.
 */
#include "hostd/policy/check/trial.h"

#include "hostd/base/cleanup.h"
#include "hostd/policy/compile/compile.h"
#include "hostd/policy/compile/resolve.h"

static size_t no_members(void *context, const char *group, const struct prefix **ret)
{
	*ret = NULL;
	return 0;
}

int try_policy(const struct library *library, struct policy *policy, uint32_t *ret_nodes,
	       struct diag *diag)
{
	static const uint8_t any_mac[MAC_BYTES];
	const struct group_source groups = {no_members, NULL};
	struct policy_item item = {.policy = policy};
	_cleanup_(free_effective_policy) struct effective_policy *effective = NULL;
	_cleanup_(free_image) struct image *image = NULL;
	struct domain_policy domain;
	int r;

	init_domain_policy(&domain);
	domain.policies = &item;
	domain.policy_count = 1;
	domain.place = policy->place;
	r = resolve_policy(library, NULL, &domain, any_mac, &groups, &effective, diag);
	if (r < 0)
		return r;
	r = compile_image(effective, &image, diag);
	if (r < 0)
		return r;
	r = find_shadowed_rules(effective, diag);
	if (r < 0)
		return r;
	*ret_nodes = image->node_count;
	return 0;
}
