// SPDX-License-Identifier: GPL-2.0-or-later
/* The policy as people read it: from the first rule to the last, then the default. */
#include <netinet/in.h>

#include "tests/model/model.h"

static bool matches_remote(const struct effective_policy *policy, const struct effective_rule *rule,
			   const uint8_t *remote)
{
	const struct prefix_list *list;

	if (rule->list == ANY_REMOTE)
		return true;
	list = &policy->lists[rule->list];
	for (size_t i = 0; i < list->count; i++) {
		if (prefix_contains(&list->prefixes[i], remote))
			return true;
	}
	return false;
}

static bool matches_service(const struct service *service, const struct question *question)
{
	if (service->protocol != question->protocol)
		return false;
	if (service->protocol == IPPROTO_ICMP || service->protocol == IPPROTO_ICMPV6)
		return (service->icmp_type < 0 || service->icmp_type == question->port >> 8) &&
		       (service->icmp_code < 0 || service->icmp_code == (question->port & 0xff));
	return question->port >= service->port_first && question->port <= service->port_last &&
	       question->source_port >= service->source_first &&
	       question->source_port <= service->source_last;
}

static bool matches_services(const struct rule *rule, const struct question *question)
{
	for (size_t i = 0; i < rule->service_count; i++) {
		if (matches_service(&rule->services[i], question))
			return true;
	}
	return rule->service_count == 0;
}

static uint32_t cell_of(const struct rule *rule, uint32_t number)
{
	uint32_t cell = number;

	if (rule->action == ACTION_ALLOW)
		cell |= VERDICT_ALLOW;
	if (rule->log)
		cell |= VERDICT_LOG;
	if (rule->keep_established)
		cell |= VERDICT_KEEP_ESTABLISHED;
	return cell;
}

static uint32_t walk_rules(const struct effective_policy *policy, const struct question *question)
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct effective_rule *rule = &policy->rules[i];

		if ((question->direction == DIRECTION_IN ? rule->rule->in : rule->rule->out) &&
		    matches_remote(policy, rule, question->remote) &&
		    matches_services(rule->rule, question))
			return cell_of(rule->rule, (uint32_t)i + 1);
	}
	return policy->default_action[question->direction] == ACTION_ALLOW ? VERDICT_ALLOW : 0;
}

uint32_t ask_rules(struct model *model, const struct question *question)
{
	uint32_t cell = walk_rules(model->policy, question);
	struct counter *hits = &model->hits[cell & VERDICT_RULE_MASK];

	hits->packets++;
	hits->bytes += model->frame_length;
	return cell;
}
