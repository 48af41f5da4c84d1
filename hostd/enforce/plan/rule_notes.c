/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rule notes.
 */
#include "hostd/enforce/plan/rule_notes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/abi.h"
#include "hostd/base/cleanup.h"

static int note_rule(const struct effective_rule *effective, struct rule_note *ret)
{
	const struct rule *rule = effective->rule;

	*ret = (struct rule_note){
		.policy = strdup(effective->policy),
		.id = rule->id ? strdup(rule->id) : NULL,
		.in = rule->in,
		.out = rule->out,
		.action = rule->action,
		.log = rule->log,
	};
	if (asprintf(&ret->place, "%s:%d", rule->place.source ? rule->place.source : "",
		     rule->place.line) < 0)
		ret->place = NULL;
	return ret->policy && ret->place && !ret->id == !rule->id ? 0 : -ENOMEM;
}

static int note_groups(struct rule_notes *notes, const struct effective_policy *policy)
{
	notes->groups = calloc(policy->group_count + 1, sizeof(*notes->groups));
	if (!notes->groups)
		return -ENOMEM;
	for (size_t i = 0; i < policy->group_count; i++) {
		notes->groups[i] = strdup(policy->groups[i]);
		if (!notes->groups[i])
			return -ENOMEM;
		notes->group_count++;
	}
	return 0;
}

int note_rules(const struct effective_policy *policy, struct rule_notes **ret)
{
	_cleanup_(release_rule_notes) struct rule_notes *notes = calloc(1, sizeof(*notes));

	if (!notes)
		return -ENOMEM;
	notes->users = 1;
	notes->items = calloc(policy->rule_count + 1, sizeof(*notes->items));
	if (!notes->items)
		return -ENOMEM;
	for (size_t i = 0; i < policy->rule_count; i++) {
		notes->count++;
		if (note_rule(&policy->rules[i], &notes->items[i]) < 0)
			return -ENOMEM;
	}
	if (note_groups(notes, policy) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(notes);
	return 0;
}

struct rule_notes *share_rule_notes(struct rule_notes *notes)
{
	notes->users++;
	return notes;
}

void release_rule_notes(struct rule_notes **pointer)
{
	struct rule_notes *notes = TAKE_PTR(*pointer);

	if (!notes || --notes->users)
		return;
	for (size_t i = 0; i < notes->count; i++) {
		free(notes->items[i].policy);
		free(notes->items[i].id);
		free(notes->items[i].place);
	}
	free(notes->items);
	for (size_t i = 0; i < notes->group_count; i++)
		free(notes->groups[i]);
	free(notes->groups);
	free(notes);
}

const struct rule_note *find_rule_note(const struct rule_notes *notes, uint32_t verdict)
{
	uint32_t number = verdict & VERDICT_RULE_MASK;

	return notes && number && number <= notes->count ? &notes->items[number - 1] : NULL;
}

bool rules_mention_group(const struct rule_notes *notes, const char *group)
{
	for (size_t i = 0; notes && i < notes->group_count; i++) {
		if (strcmp(notes->groups[i], group) == 0)
			return true;
	}
	return false;
}
