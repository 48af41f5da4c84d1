/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Combines all metadata and policies of a port into its one effective policy.
 */
#include "hostd/policy/compile/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/compile/expand.h"

struct resolver {
	const struct library *library;
	struct effective_policy *policy;
	struct diag *diag;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* ---- rules ---------------------------------------------------------------------------------- */

static int add_rules(struct resolver *resolver, const struct policy *source)
{
	struct effective_policy *policy = resolver->policy;
	struct effective_rule *rules;

	if (!source->rule_count)
		return 0;
	rules = reallocarray(policy->rules, policy->rule_count + source->rule_count,
			     sizeof(*rules));
	if (!rules)
		return fail_memory(resolver->diag, NULL);
	policy->rules = rules;
	for (size_t i = 0; i < source->rule_count; i++)
		rules[policy->rule_count++] = (struct effective_rule){
			.rule = &source->rules[i],
			.policy = source->name ? source->name : "inline",
			.is_inline = !source->name,
			.list = ANY_REMOTE,
		};
	return 0;
}

/* ---- settings ------------------------------------------------------------------------------- */

/* The defaults, guards and limits of one element after the other. For each setting, the first
 * element that contains it decides. */
struct settings_stack {
	struct defaults defaults;
	struct guards guards;
	struct limits limits;
	struct setting_places places;
};

/* `origin` is the place of the element; without a source the values are built in. */
static void merge_settings(struct settings_stack *stack, const struct place *origin,
			   const struct defaults *defaults, const struct guards *guards,
			   const struct limits *limits)
{
	for (size_t i = 0; i < ARRAY_SIZE(stack->defaults.action); i++) {
		if (stack->defaults.action[i] >= 0 || defaults->action[i] < 0)
			continue;
		stack->defaults.action[i] = defaults->action[i];
		stack->places.defaults[i] = (struct place){origin->source, defaults->line};
	}
	if (stack->guards.setting[GUARD_KIND_VLAN] == GUARD_UNSET) {
		memcpy(stack->guards.vlans, guards->vlans, sizeof(guards->vlans));
		stack->guards.vlan_count = guards->vlan_count;
	}
	for (size_t i = 0; i < GUARD_KIND_COUNT; i++) {
		if (stack->guards.setting[i] != GUARD_UNSET || guards->setting[i] == GUARD_UNSET)
			continue;
		stack->guards.setting[i] = guards->setting[i];
		stack->places.guards[i] = (struct place){origin->source, guards->line};
	}
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		if (stack->limits.value[i] >= 0 || limits->value[i] < 0)
			continue;
		stack->limits.value[i] = limits->value[i];
		stack->places.limits[i] = (struct place){origin->source, limits->line};
	}
}

static void merge_policy_settings(struct settings_stack *stack, const struct policy *policy)
{
	merge_settings(stack, &policy->place, &policy->defaults, &policy->guards, &policy->limits);
}

static void apply_built_in(struct settings_stack *stack)
{
	struct policy built_in;

	init_policy(&built_in);
	built_in.defaults.action[DIRECTION_IN] = ACTION_DENY;
	built_in.defaults.action[DIRECTION_OUT] = ACTION_ALLOW;
	for (size_t i = 0; i < GUARD_KIND_COUNT; i++)
		built_in.guards.setting[i] = (int8_t)guard_rows[i].built_in;
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		built_in.limits.value[i] = limit_rows[i].built_in;
	merge_policy_settings(stack, &built_in);
}

static void apply_settings(const struct settings_stack *stack, struct effective_policy *policy)
{
	for (size_t i = 0; i < ARRAY_SIZE(policy->default_action); i++)
		policy->default_action[i] = (enum action)stack->defaults.action[i];
	for (size_t i = 0; i < GUARD_KIND_COUNT; i++) {
		if (stack->guards.setting[i] == GUARD_ON)
			policy->guards |= 1U << i;
	}
	policy->setting_places = stack->places;
	memcpy(policy->vlans, stack->guards.vlans, sizeof(policy->vlans));
	policy->vlan_count = stack->guards.vlan_count;
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		policy->limits[i] = (uint32_t)stack->limits.value[i];
	/* A bucket without depth would let nothing through. */
	if (policy->limits[LIMIT_SESSION_RATE] && !policy->limits[LIMIT_SESSION_BURST])
		policy->limits[LIMIT_SESSION_BURST] = policy->limits[LIMIT_SESSION_RATE];
}

/* ---- the whole ------------------------------------------------------------------------------ */

static const struct interface_policy *find_interface(const struct domain_policy *domain,
						     const uint8_t mac[static MAC_BYTES])
{
	for (size_t i = 0; i < domain->interface_count; i++) {
		if (memcmp(domain->interfaces[i].mac, mac, MAC_BYTES) == 0)
			return &domain->interfaces[i];
	}
	return NULL;
}

static int find_item(struct resolver *resolver, const struct domain_policy *domain,
		     const struct policy_item *item, const struct policy **ret)
{
	_cleanup_(clear_diag) struct diag inner = {0};

	*ret = item->policy ? item->policy : find_policy(resolver->library, item->ref, &inner);
	if (*ret)
		return 0;
	return fail(resolver->diag, ENOENT, domain->place.source, item->line,
		    "<policy>: ref=\"%s\": %s", item->ref, diag_message(&inner));
}

/* Settings of the domain and its interface are in the stack already. */
static int add_policies(struct resolver *resolver, const struct domain_policy *domain,
			const struct interface_policy *interface, struct settings_stack *stack)
{
	bool replaced = interface && interface->policy_count;
	const struct policy_item *items = replaced ? interface->policies : domain->policies;
	size_t count = replaced ? interface->policy_count : domain->policy_count;

	for (size_t i = 0; i < count; i++) {
		const struct policy *policy;
		int r = find_item(resolver, domain, &items[i], &policy);

		if (!r)
			r = add_rules(resolver, policy);
		if (r)
			return r;
		merge_policy_settings(stack, policy);
	}
	return 0;
}

static int resolve(struct resolver *resolver, const struct policy *mandatory,
		   const struct domain_policy *domain, const struct interface_policy *interface)
{
	struct effective_policy *policy = resolver->policy;
	struct settings_stack stack;
	struct policy unset;
	int r = 0;

	init_policy(&unset);
	stack = (struct settings_stack){.defaults = unset.defaults,
					.guards = unset.guards,
					.limits = unset.limits};
	if (mandatory) {
		merge_policy_settings(&stack, mandatory);
		r = add_rules(resolver, mandatory);
	}
	if (interface)
		merge_settings(&stack, &domain->place, &interface->defaults, &interface->guards,
			       &interface->limits);
	merge_settings(&stack, &domain->place, &domain->defaults, &domain->guards, &domain->limits);
	if (!r)
		r = add_policies(resolver, domain, interface, &stack);
	if (r)
		return r;
	apply_built_in(&stack);
	policy->mode = domain->mode;
	if (interface && interface->address_count) {
		policy->address_count = interface->address_count;
		memcpy(policy->addresses, interface->addresses,
		       interface->address_count * sizeof(policy->addresses[0]));
	}
	apply_settings(&stack, policy);
	return 0;
}

int collect_policy(const struct library *library, const struct policy *mandatory,
		   const struct domain_policy *domain, const uint8_t mac[static MAC_BYTES],
		   struct effective_policy **ret, struct diag *diag)
{
	_cleanup_(free_effective_policy) struct effective_policy *policy =
		calloc(1, sizeof(*policy));
	struct resolver resolver = {.library = library, .policy = policy, .diag = diag};
	int r;

	if (!policy) {
		fail_memory(diag, NULL);
		return -ENOMEM;
	}
	policy->place = domain->place;
	r = resolve(&resolver, mandatory, domain, find_interface(domain, mac));
	if (!r)
		*ret = TAKE_PTR(policy);
	return r;
}

int expand_policy(const struct library *library, const struct group_source *groups,
		  struct effective_policy *policy, struct diag *diag)
{
	struct expander expander = {.library = library,
				    .groups = groups,
				    .policy = policy,
				    .diag = diag};
	int r = 0;

	for (size_t i = 0; r == 0 && i < policy->rule_count; i++) {
		struct effective_rule *rule = &policy->rules[i];

		if (rule->rule->remote_count)
			r = expand_remotes(&expander, rule->rule, &rule->list);
	}
	free_expander(&expander);
	if (policy->group_count)
		qsort(policy->groups, policy->group_count, sizeof(*policy->groups), compare_names);
	return r;
}

int resolve_policy(const struct library *library, const struct policy *mandatory,
		   const struct domain_policy *domain, const uint8_t mac[static MAC_BYTES],
		   const struct group_source *groups, struct effective_policy **ret,
		   struct diag *diag)
{
	_cleanup_(free_effective_policy) struct effective_policy *policy = NULL;
	int r = collect_policy(library, mandatory, domain, mac, &policy, diag);

	if (!r)
		r = expand_policy(library, groups, policy, diag);
	if (!r)
		*ret = TAKE_PTR(policy);
	return r;
}
