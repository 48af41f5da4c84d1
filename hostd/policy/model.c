/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Life and death of the policy model.
 */
#include "hostd/policy/model.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct guard_row guard_rows[GUARD_KIND_COUNT] = {
#define GUARD(identifier, attribute, acts, idle, built_in, help)                                   \
	[GUARD_KIND_##identifier] = {attribute, acts, idle, GUARD_##built_in,                      \
				     REASON_GUARD_##identifier},
#include "bpf/guards.def"
#undef GUARD
};

const struct limit_row limit_rows[LIMIT_COUNT] = {
#define LIMIT(identifier, attribute, built_in, least, most, reason)                                \
	[LIMIT_##identifier] = {attribute, built_in, least, most, REASON_##reason},
#include "bpf/limits.def"
#undef LIMIT
};

const char *guard_text(enum guard_kind kind, bool acts, const uint16_t *vlans, size_t vlan_count,
		       char out[static GUARD_TEXT_BYTES])
{
	size_t length = 0;

	if (kind != GUARD_KIND_VLAN || !acts || !vlan_count) {
		snprintf(out, GUARD_TEXT_BYTES, "%s",
			 acts ? guard_rows[kind].acts : guard_rows[kind].idle);
		return out;
	}
	for (size_t i = 0; i < vlan_count && length < GUARD_TEXT_BYTES; i++)
		length += (size_t)snprintf(out + length, GUARD_TEXT_BYTES - length, "%s%u",
					   i ? "," : "", vlans[i]);
	return out;
}

static void init_settings(struct defaults *defaults, struct guards *guards, struct limits *limits)
{
	*defaults = (struct defaults){.action = {-1, -1}};
	*guards = (struct guards){0};
	for (size_t i = 0; i < GUARD_KIND_COUNT; i++)
		guards->setting[i] = GUARD_UNSET;
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		limits->value[i] = -1;
}

void init_policy(struct policy *policy)
{
	*policy = (struct policy){0};
	init_settings(&policy->defaults, &policy->guards, &policy->limits);
}

void init_domain_policy(struct domain_policy *policy)
{
	*policy = (struct domain_policy){0};
	init_settings(&policy->defaults, &policy->guards, &policy->limits);
}

void init_interface_policy(struct interface_policy *policy)
{
	*policy = (struct interface_policy){0};
	init_settings(&policy->defaults, &policy->guards, &policy->limits);
}

static void clear_rule(struct rule *rule)
{
	for (size_t i = 0; i < rule->remote_count; i++)
		free(rule->remotes[i].name);
	free(rule->remotes);
	free(rule->services);
	free(rule->id);
	free(rule->place.source);
}

void free_policy(struct policy **policy)
{
	struct policy *p = *policy;

	if (!p)
		return;
	for (size_t i = 0; i < p->rule_count; i++)
		clear_rule(&p->rules[i]);
	free(p->rules);
	free(p->name);
	free(p->description);
	free(p->place.source);
	free(p);
	*policy = NULL;
}

void free_address_set(struct address_set **set)
{
	if (!*set)
		return;
	free((*set)->name);
	free((*set)->prefixes);
	free((*set)->place.source);
	free(*set);
	*set = NULL;
}

void free_policy_items(struct policy_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(items[i].ref);
		free_policy(&items[i].policy);
	}
	free(items);
}

void free_domain_policy(struct domain_policy **policy)
{
	struct domain_policy *p = *policy;

	if (!p)
		return;
	free_policy_items(p->policies, p->policy_count);
	for (size_t i = 0; i < p->group_count; i++)
		free(p->groups[i]);
	free(p->groups);
	for (size_t i = 0; i < p->interface_count; i++) {
		free(p->interfaces[i].addresses);
		free_policy_items(p->interfaces[i].policies, p->interfaces[i].policy_count);
	}
	free(p->interfaces);
	free(p->place.source);
	free(p);
	*policy = NULL;
}

bool is_name(const char *text)
{
	static const char more[] = "._-";

	/* Does not depend on the locale. */
	if (strlen(text) > NAME_MAX_BYTES || !isascii(text[0]) || !isalnum((unsigned char)text[0]))
		return false;
	for (; *text; text++) {
		if (!isascii(*text) || !(isalnum((unsigned char)*text) || strchr(more, *text)))
			return false;
	}
	return true;
}
