/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/harness/compare_models.h"

#include "tests/harness/test.h"

static void assert_same_text(const char *a, const char *b)
{
	assert_int_equal(a == NULL, b == NULL);
	if (a)
		assert_string_equal(a, b);
}

static void assert_same_prefixes(const struct prefix *a, size_t a_count, const struct prefix *b,
				 size_t b_count)
{
	assert_int_equal(a_count, b_count);
	for (size_t i = 0; i < a_count; i++)
		assert_int_equal(compare_prefixes(&a[i], &b[i]), 0);
}

static void assert_same_remote(const struct remote *a, const struct remote *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_same_text(a->name, b->name);
	if (a->kind == REMOTE_CIDR)
		assert_int_equal(compare_prefixes(&a->cidr, &b->cidr), 0);
}

static void assert_same_service(const struct service *a, const struct service *b)
{
	assert_int_equal(a->protocol, b->protocol);
	assert_int_equal(a->port_first, b->port_first);
	assert_int_equal(a->port_last, b->port_last);
	assert_int_equal(a->source_first, b->source_first);
	assert_int_equal(a->source_last, b->source_last);
	assert_int_equal(a->icmp_type, b->icmp_type);
	assert_int_equal(a->icmp_code, b->icmp_code);
}

static void assert_same_rule(const struct rule *a, const struct rule *b)
{
	assert_same_text(a->id, b->id);
	assert_int_equal(a->in, b->in);
	assert_int_equal(a->out, b->out);
	assert_int_equal(a->action, b->action);
	assert_int_equal(a->log, b->log);
	assert_int_equal(a->keep_established, b->keep_established);
	assert_int_equal(a->remote_count, b->remote_count);
	for (size_t i = 0; i < a->remote_count; i++)
		assert_same_remote(&a->remotes[i], &b->remotes[i]);
	assert_int_equal(a->service_count, b->service_count);
	for (size_t i = 0; i < a->service_count; i++)
		assert_same_service(&a->services[i], &b->services[i]);
}

static void assert_same_settings(const struct defaults *defaults_a,
				 const struct defaults *defaults_b, const struct guards *guards_a,
				 const struct guards *guards_b, const struct limits *limits_a,
				 const struct limits *limits_b)
{
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(defaults_a->action[i], defaults_b->action[i]);
	for (size_t i = 0; i < GUARD_KIND_COUNT; i++)
		assert_int_equal(guards_a->setting[i], guards_b->setting[i]);
	assert_int_equal(guards_a->vlan_count, guards_b->vlan_count);
	for (size_t i = 0; i < guards_a->vlan_count; i++)
		assert_int_equal(guards_a->vlans[i], guards_b->vlans[i]);
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		assert_int_equal(limits_a->value[i], limits_b->value[i]);
}

void assert_same_policy(const struct policy *a, const struct policy *b)
{
	assert_same_text(a->name, b->name);
	assert_same_text(a->description, b->description);
	assert_same_settings(&a->defaults, &b->defaults, &a->guards, &b->guards, &a->limits,
			     &b->limits);
	assert_int_equal(a->rule_count, b->rule_count);
	for (size_t i = 0; i < a->rule_count; i++)
		assert_same_rule(&a->rules[i], &b->rules[i]);
}

void assert_same_set(const struct address_set *a, const struct address_set *b)
{
	assert_same_text(a->name, b->name);
	assert_same_prefixes(a->prefixes, a->prefix_count, b->prefixes, b->prefix_count);
}

static void assert_same_items(const struct policy_item *a, size_t a_count,
			      const struct policy_item *b, size_t b_count)
{
	assert_int_equal(a_count, b_count);
	for (size_t i = 0; i < a_count; i++) {
		assert_same_text(a[i].ref, b[i].ref);
		assert_int_equal(a[i].policy == NULL, b[i].policy == NULL);
		if (a[i].policy)
			assert_same_policy(a[i].policy, b[i].policy);
	}
}

static void assert_same_interface(const struct interface_policy *a,
				  const struct interface_policy *b)
{
	assert_memory_equal(a->mac, b->mac, sizeof(a->mac));
	assert_same_prefixes(a->addresses, a->address_count, b->addresses, b->address_count);
	assert_same_items(a->policies, a->policy_count, b->policies, b->policy_count);
	assert_same_settings(&a->defaults, &b->defaults, &a->guards, &b->guards, &a->limits,
			     &b->limits);
}

void assert_same_domain(const struct domain_policy *a, const struct domain_policy *b)
{
	assert_int_equal(a->mode, b->mode);
	assert_same_items(a->policies, a->policy_count, b->policies, b->policy_count);
	assert_int_equal(a->group_count, b->group_count);
	for (size_t i = 0; i < a->group_count; i++)
		assert_same_text(a->groups[i], b->groups[i]);
	assert_same_settings(&a->defaults, &b->defaults, &a->guards, &b->guards, &a->limits,
			     &b->limits);
	assert_int_equal(a->interface_count, b->interface_count);
	for (size_t i = 0; i < a->interface_count; i++)
		assert_same_interface(&a->interfaces[i], &b->interfaces[i]);
}
