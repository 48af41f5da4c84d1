/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From everything that is said about a port to the one policy that holds for it.
 */
#include "hostd/policy/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"

/* A list of prefixes by the remotes that it came from. */
struct known_list {
	char *key;
	size_t list;
	UT_hash_handle hh;
};

struct resolver {
	const struct library *library;
	const struct group_source *groups;
	struct effective_policy *policy;
	struct known_list *known;
	size_t prefix_count; /* in all lists */
	struct diag *diag;
};

static int out_of_memory(struct resolver *resolver)
{
	return fail(resolver->diag, ENOMEM, NULL, 0, "out of memory");
}

/* ---- remotes ----------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int remember_group(struct resolver *resolver, const char *name)
{
	struct effective_policy *policy = resolver->policy;
	char **groups;

	for (size_t i = 0; i < policy->group_count; i++) {
		if (strcmp(policy->groups[i], name) == 0)
			return 0;
	}
	groups = grow_array(policy->groups, policy->group_count, sizeof(*groups));
	if (!groups)
		return out_of_memory(resolver);
	policy->groups = groups;
	groups[policy->group_count] = strdup(name);
	return groups[policy->group_count++] ? 0 : out_of_memory(resolver);
}

/* The prefixes that a remote stands for, borrowed. */
static int find_prefixes(struct resolver *resolver, const struct rule *rule,
			 const struct remote *remote, const struct prefix **ret, size_t *ret_count)
{
	_cleanup_(clear_diag) struct diag inner = {0};
	const struct address_set *set;
	char buffer[1024];

	switch (remote->kind) {
	case REMOTE_CIDR:
		*ret = &remote->cidr;
		*ret_count = 1;
		return 0;
	case REMOTE_GROUP:
		*ret_count = resolver->groups ? resolver->groups->members(resolver->groups->context,
									  remote->name, ret)
					      : 0;
		return remember_group(resolver, remote->name);
	case REMOTE_SET:
		set = find_address_set(resolver->library, remote->name, &inner);
		if (!set)
			return fail(resolver->diag, ENOENT, rule->place.source, remote->line,
				    "<remote>: set=\"%s\": %s", remote->name,
				    diag_message(&inner, buffer, sizeof(buffer)));
		*ret = set->prefixes;
		*ret_count = set->prefix_count;
		return 0;
	}
	return -EINVAL;
}

static int append_prefixes(struct resolver *resolver, struct prefix_list *list,
			   const struct prefix *prefixes, size_t count)
{
	struct prefix *grown;

	resolver->prefix_count += count;
	if (resolver->prefix_count > PREFIXES_MAX)
		return fail(resolver->diag, E2BIG, NULL, 0,
			    "the rules name more than %u addresses in all", PREFIXES_MAX);
	grown = reallocarray(list->prefixes, list->count + count + 1, sizeof(*grown));
	if (!grown)
		return out_of_memory(resolver);
	list->prefixes = grown;
	if (count)
		memcpy(grown + list->count, prefixes, count * sizeof(*prefixes));
	list->count += count;
	return 0;
}

/* Sorts, and drops what lies inside another prefix of its family. A container sorts before its
 * contents, but IPv4 sorts in the middle of IPv6: each family has its own last container. */
static void normalize_list(struct prefix_list *list)
{
	const struct prefix *container[2] = {NULL, NULL};
	size_t kept = 0;

	if (list->count)
		qsort(list->prefixes, list->count, sizeof(*list->prefixes), compare_prefixes);
	for (size_t i = 0; i < list->count; i++) {
		const struct prefix *prefix = &list->prefixes[i];
		const struct prefix **last = &container[is_ipv4(prefix->address)];

		if (*last && prefix_contains(*last, prefix->address))
			continue;
		list->prefixes[kept] = *prefix;
		*last = &list->prefixes[kept++];
	}
	list->count = kept;
}

static int expand_remotes(struct resolver *resolver, const struct rule *rule,
			  struct prefix_list *list)
{
	for (size_t i = 0; i < rule->remote_count; i++) {
		const struct prefix *prefixes = NULL;
		size_t count = 0;
		int r = find_prefixes(resolver, rule, &rule->remotes[i], &prefixes, &count);

		if (!r)
			r = append_prefixes(resolver, list, prefixes, count);
		if (r)
			return r;
	}
	normalize_list(list);
	return 0;
}

/* The same text for the same remotes. */
static char *make_list_key(const struct rule *rule)
{
	static const char kinds[] = {[REMOTE_CIDR] = 'c', [REMOTE_GROUP] = 'g', [REMOTE_SET] = 's'};
	char *key = NULL;
	size_t size;
	FILE *stream = open_memstream(&key, &size);
	bool failed;

	if (!stream)
		return NULL;
	for (size_t i = 0; i < rule->remote_count; i++) {
		const struct remote *remote = &rule->remotes[i];
		char text[PREFIX_TEXT_BYTES];

		fprintf(stream, "%c %s\n", kinds[remote->kind],
			remote->name ? remote->name : format_prefix(&remote->cidr, text));
	}
	failed = ferror(stream);
	if (fclose(stream) || failed) {
		free(key);
		return NULL;
	}
	return key;
}

static int add_list(struct resolver *resolver, const struct rule *rule, size_t *ret)
{
	struct effective_policy *policy = resolver->policy;
	struct prefix_list *lists;
	int r;

	lists = grow_array(policy->lists, policy->list_count, sizeof(*lists));
	if (!lists)
		return out_of_memory(resolver);
	policy->lists = lists;
	r = expand_remotes(resolver, rule, &lists[policy->list_count++]);
	if (!r)
		*ret = policy->list_count - 1;
	return r;
}

static int find_list(struct resolver *resolver, const struct rule *rule, size_t *ret)
{
	_cleanup_free_ char *key = make_list_key(rule);
	struct known_list *known = NULL;
	unsigned int size;
	int r;

	if (!key)
		return out_of_memory(resolver);
	size = (unsigned int)strlen(key);
	HASH_FIND(hh, resolver->known, key, size, known);
	if (!known) {
		known = calloc(1, sizeof(*known));
		if (!known)
			return out_of_memory(resolver);
		r = add_list(resolver, rule, &known->list);
		if (r) {
			free(known);
			return r;
		}
		known->key = TAKE_PTR(key);
		HASH_ADD_KEYPTR(hh, resolver->known, known->key, size, known);
	}
	*ret = known->list;
	return 0;
}

static void forget_lists(struct resolver *resolver)
{
	struct known_list *known, *next;

	HASH_ITER (hh, resolver->known, known, next) {
		HASH_DEL(resolver->known, known);
		free(known->key);
		free(known);
	}
}

/* ---- rules ------------------------------------------------------------------------------- */

static int add_rules(struct resolver *resolver, const struct policy *source)
{
	struct effective_policy *policy = resolver->policy;

	for (size_t i = 0; i < source->rule_count; i++) {
		struct effective_rule *rules, *rule;

		rules = grow_array(policy->rules, policy->rule_count, sizeof(*rules));
		if (!rules)
			return out_of_memory(resolver);
		policy->rules = rules;
		rule = &rules[policy->rule_count++];
		rule->rule = &source->rules[i];
		rule->list = ANY_REMOTE;
		rule->policy = strdup(source->name ? source->name : "inline");
		if (!rule->policy)
			return out_of_memory(resolver);
		if (rule->rule->remote_count) {
			int r = find_list(resolver, rule->rule, &rule->list);

			if (r)
				return r;
		}
	}
	return 0;
}

/* ---- settings ---------------------------------------------------------------------------- */

/* What is said about defaults, guards and limits; the first to say something is heard. */
struct settings_stack {
	struct defaults defaults;
	struct guards guards;
	struct limits limits;
};

static void merge_settings(struct settings_stack *stack, const struct defaults *defaults,
			   const struct guards *guards, const struct limits *limits)
{
	for (size_t i = 0; i < ARRAY_SIZE(stack->defaults.action); i++) {
		if (stack->defaults.action[i] < 0)
			stack->defaults.action[i] = defaults->action[i];
	}
	if (stack->guards.setting[GUARD_KIND_VLAN] == GUARD_UNSET) {
		memcpy(stack->guards.vlans, guards->vlans, sizeof(guards->vlans));
		stack->guards.vlan_count = guards->vlan_count;
	}
	for (size_t i = 0; i < GUARD_KIND_COUNT; i++) {
		if (stack->guards.setting[i] == GUARD_UNSET)
			stack->guards.setting[i] = guards->setting[i];
	}
	for (size_t i = 0; i < LIMIT_KIND_COUNT; i++) {
		if (stack->limits.value[i] < 0)
			stack->limits.value[i] = limits->value[i];
	}
}

static void merge_policy_settings(struct settings_stack *stack, const struct policy *policy)
{
	merge_settings(stack, &policy->defaults, &policy->guards, &policy->limits);
}

static void apply_built_in(struct settings_stack *stack)
{
	struct policy built_in;

	init_policy(&built_in);
	built_in.defaults.action[DIRECTION_IN] = ACTION_DENY;
	built_in.defaults.action[DIRECTION_OUT] = ACTION_ALLOW;
	for (size_t i = 0; i < GUARD_KIND_COUNT; i++)
		built_in.guards.setting[i] = GUARD_ON;
	for (size_t i = 0; i < LIMIT_KIND_COUNT; i++)
		built_in.limits.value[i] = 0;
	built_in.limits.value[LIMIT_SESSIONS] = DEFAULT_SESSIONS;
	merge_policy_settings(stack, &built_in);
}

static void apply_settings(const struct settings_stack *stack, struct effective_policy *policy)
{
	static const uint32_t guard_bits[GUARD_KIND_COUNT] = {
		[GUARD_KIND_MAC] = GUARD_MAC,
		[GUARD_KIND_IP] = GUARD_IP,
		[GUARD_KIND_ARP] = GUARD_ARP,
		[GUARD_KIND_ND] = GUARD_ND,
		[GUARD_KIND_DHCP_SERVER] = GUARD_DHCP_SERVER,
		[GUARD_KIND_ROUTER_ADVERTISEMENT] = GUARD_ROUTER_ADVERTISEMENT,
		[GUARD_KIND_ETHERTYPE] = GUARD_ETHERTYPE,
		[GUARD_KIND_VLAN] = GUARD_VLAN,
	};

	for (size_t i = 0; i < ARRAY_SIZE(policy->default_action); i++)
		policy->default_action[i] = (enum action)stack->defaults.action[i];
	for (size_t i = 0; i < GUARD_KIND_COUNT; i++) {
		if (stack->guards.setting[i] == GUARD_ON)
			policy->guards |= guard_bits[i];
	}
	if (policy->address_count == 0)
		policy->guards &= ~GUARD_IP;
	memcpy(policy->vlans, stack->guards.vlans, sizeof(policy->vlans));
	policy->vlan_count = stack->guards.vlan_count;
	for (size_t i = 0; i < LIMIT_KIND_COUNT; i++)
		policy->limits[i] = (uint32_t)stack->limits.value[i];
	/* A bucket without depth would let nothing through. */
	if (policy->limits[LIMIT_SESSION_RATE] && !policy->limits[LIMIT_SESSION_BURST])
		policy->limits[LIMIT_SESSION_BURST] = policy->limits[LIMIT_SESSION_RATE];
}

/* ---- the whole --------------------------------------------------------------------------- */

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
	char buffer[1024];

	*ret = item->policy ? item->policy : find_policy(resolver->library, item->ref, &inner);
	if (*ret)
		return 0;
	return fail(resolver->diag, ENOENT, domain->place.source, item->line,
		    "<policy>: ref=\"%s\": %s", item->ref,
		    diag_message(&inner, buffer, sizeof(buffer)));
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
	stack = (struct settings_stack){unset.defaults, unset.guards, unset.limits};
	if (mandatory) {
		merge_policy_settings(&stack, mandatory);
		r = add_rules(resolver, mandatory);
	}
	if (interface)
		merge_settings(&stack, &interface->defaults, &interface->guards,
			       &interface->limits);
	merge_settings(&stack, &domain->defaults, &domain->guards, &domain->limits);
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
	if (policy->group_count)
		qsort(policy->groups, policy->group_count, sizeof(*policy->groups), compare_names);
	return 0;
}

int resolve_policy(const struct library *library, const struct policy *mandatory,
		   const struct domain_policy *domain, const uint8_t mac[static MAC_BYTES],
		   const struct group_source *groups, struct effective_policy **ret,
		   struct diag *diag)
{
	_cleanup_(free_effective_policy) struct effective_policy *policy =
		calloc(1, sizeof(*policy));
	struct resolver resolver = {.library = library,
				    .groups = groups,
				    .policy = policy,
				    .diag = diag};
	int r;

	if (!policy)
		return out_of_memory(&resolver);
	r = resolve(&resolver, mandatory, domain, find_interface(domain, mac));
	forget_lists(&resolver);
	if (!r)
		*ret = TAKE_PTR(policy);
	return r;
}

void free_effective_policy(struct effective_policy **policy)
{
	struct effective_policy *p = *policy;

	if (!p)
		return;
	for (size_t i = 0; i < p->rule_count; i++)
		free(p->rules[i].policy);
	free(p->rules);
	for (size_t i = 0; i < p->list_count; i++)
		free(p->lists[i].prefixes);
	free(p->lists);
	for (size_t i = 0; i < p->group_count; i++)
		free(p->groups[i]);
	free(p->groups);
	free(p);
	*policy = NULL;
}
