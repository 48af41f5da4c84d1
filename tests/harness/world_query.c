/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets for a random world, and the plain judgement of them. */
#include <netinet/in.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "tests/harness/world.h"

/* ---- rules in order ------------------------------------------------------------------------- */

/* Calls visit for each rule that holds for the interface, in order, until it returns true. */
static bool walk_rules(const struct world *world,
		       bool (*visit)(const struct rule *rule, uint32_t number, void *context),
		       void *context)
{
	const struct domain_policy *domain = world->domain;
	const struct policy_item *items = domain->policies;
	size_t count = domain->policy_count;
	uint32_t number = 0;

	if (domain->interface_count && domain->interfaces[0].policy_count) {
		items = domain->interfaces[0].policies;
		count = domain->interfaces[0].policy_count;
	}
	for (size_t i = 0; world->mandatory && i < world->mandatory->rule_count; i++) {
		if (visit(&world->mandatory->rules[i], ++number, context))
			return true;
	}
	for (size_t i = 0; i < count; i++) {
		const struct policy *policy = items[i].policy;

		if (items[i].ref)
			policy = world->policies[items[i].ref[1] - '0'];
		for (size_t j = 0; j < policy->rule_count; j++) {
			if (visit(&policy->rules[j], ++number, context))
				return true;
		}
	}
	return false;
}

/* ---- the judgement -------------------------------------------------------------------------- */

struct judgement {
	const struct world *world;
	const struct policy_case *test;
	const struct policy_query *query;
	uint32_t cell;
};

static bool bit(const uint8_t *bytes, unsigned int i)
{
	return bytes[i / 8] >> (7 - i % 8) & 1;
}

static bool is_mapped(const uint8_t *address)
{
	for (unsigned int i = 0; i < 96; i++) {
		if (bit(address, i) != (i >= 80))
			return false;
	}
	return true;
}

static bool matches_prefix(const struct prefix *prefix, const uint8_t *address)
{
	if (is_mapped(prefix->address) != is_mapped(address))
		return false;
	for (unsigned int i = 0; i < prefix->bits; i++) {
		if (bit(prefix->address, i) != bit(address, i))
			return false;
	}
	return true;
}

static bool matches_any(const struct prefix *prefixes, size_t count, const uint8_t *address)
{
	for (size_t i = 0; i < count; i++) {
		if (matches_prefix(&prefixes[i], address))
			return true;
	}
	return false;
}

static bool matches_remote(const struct judgement *judgement, const struct remote *remote)
{
	const uint8_t *address = judgement->query->remote;
	size_t number = remote->name ? (size_t)(remote->name[1] - '0') : 0;

	if (remote->kind == REMOTE_CIDR)
		return matches_prefix(&remote->cidr, address);
	if (remote->kind == REMOTE_SET)
		return matches_any(judgement->world->sets[number]->prefixes,
				   judgement->world->sets[number]->prefix_count, address);
	return number < WORLD_GROUPS && matches_any(judgement->test->groups[number].members,
						    judgement->test->groups[number].count, address);
}

static bool matches_service(const struct policy_query *query, const struct service *service)
{
	if (query->protocol != service->protocol)
		return false;
	if (service->protocol == IPPROTO_ICMP || service->protocol == IPPROTO_ICMPV6)
		return (service->icmp_type < 0 || service->icmp_type == query->port >> 8) &&
		       (service->icmp_code < 0 || service->icmp_code == (query->port & 0xff));
	return query->port >= service->port_first && query->port <= service->port_last &&
	       query->source_port >= service->source_first &&
	       query->source_port <= service->source_last;
}

static bool matches_rule(const struct judgement *judgement, const struct rule *rule)
{
	bool remote = rule->remote_count == 0, service = rule->service_count == 0;

	if (!(judgement->query->direction == DIRECTION_IN ? rule->in : rule->out))
		return false;
	for (size_t i = 0; i < rule->remote_count; i++)
		remote |= matches_remote(judgement, &rule->remotes[i]);
	for (size_t i = 0; i < rule->service_count; i++)
		service |= matches_service(judgement->query, &rule->services[i]);
	return remote && service;
}

static bool judge_rule(const struct rule *rule, uint32_t number, void *context)
{
	struct judgement *judgement = context;

	if (!matches_rule(judgement, rule))
		return false;
	judgement->cell = number;
	if (rule->action == ACTION_ALLOW)
		judgement->cell |= VERDICT_ALLOW;
	if (rule->log)
		judgement->cell |= VERDICT_LOG;
	if (rule->keep_established)
		judgement->cell |= VERDICT_KEEP_ESTABLISHED;
	return true;
}

/* mandatory > interface > domain > policies in order > built-in. */
static int find_default(const struct world *world, uint8_t direction)
{
	const struct domain_policy *domain = world->domain;
	const struct interface_policy *interface =
		domain->interface_count ? &domain->interfaces[0] : NULL;
	bool replaced = interface && interface->policy_count;
	const struct policy_item *items = replaced ? interface->policies : domain->policies;
	size_t count = replaced ? interface->policy_count : domain->policy_count;

	if (world->mandatory && world->mandatory->defaults.action[direction] >= 0)
		return world->mandatory->defaults.action[direction];
	if (interface && interface->defaults.action[direction] >= 0)
		return interface->defaults.action[direction];
	if (domain->defaults.action[direction] >= 0)
		return domain->defaults.action[direction];
	for (size_t i = 0; i < count; i++) {
		const struct policy *policy = items[i].policy;

		if (items[i].ref)
			policy = world->policies[items[i].ref[1] - '0'];
		if (policy->defaults.action[direction] >= 0)
			return policy->defaults.action[direction];
	}
	return direction == DIRECTION_IN ? ACTION_DENY : ACTION_ALLOW;
}

uint32_t judge_world(const struct world *world, const struct policy_case *test,
		     const struct policy_query *query)
{
	struct judgement judgement = {world, test, query, 0};

	if (!walk_rules(world, judge_rule, &judgement) &&
	    find_default(world, query->direction) == ACTION_ALLOW)
		judgement.cell = VERDICT_ALLOW;
	return judgement.cell;
}

/* ---- packets -------------------------------------------------------------------------------- */

/* Picks one rule of all at random. */
struct pick {
	uint32_t wanted, count;
	const struct rule *rule;
};

static bool pick_rule(const struct rule *rule, uint32_t number, void *context)
{
	struct pick *pick = context;

	pick->count = number;
	if (number == pick->wanted)
		pick->rule = rule;
	return false;
}

static const struct rule *random_rule(struct random *random, const struct world *world)
{
	struct pick pick = {0};

	walk_rules(world, pick_rule, &pick);
	pick.wanted = 1 + random_below(random, pick.count);
	walk_rules(world, pick_rule, &pick);
	return pick.rule;
}

/* The address after (step 1) or before (step 0xff) this one. */
static void step_address(uint8_t *address, uint8_t step)
{
	for (size_t i = ADDRESS_BYTES; i-- > 0;) {
		address[i] = (uint8_t)(address[i] + step);
		if (address[i] != (step == 1 ? 0 : 0xff))
			break;
	}
}

/* The first or last address of a prefix, or the one beside it, or one inside. */
static void pick_address(struct random *random, const struct prefix *prefix, uint8_t *address)
{
	uint32_t what = random_below(random, 5);

	memcpy(address, prefix->address, ADDRESS_BYTES);
	for (unsigned int i = prefix->bits; i < ADDRESS_BYTES * 8; i++) {
		if (what == 1 || what == 3 || (what == 4 && one_in(random, 2)))
			address[i / 8] |= (uint8_t)(0x80 >> i % 8);
	}
	if (what == 2)
		step_address(address, 0xff);
	else if (what == 3)
		step_address(address, 1);
}

static void pick_remote(struct random *random, const struct world *world,
			const struct policy_case *test, const struct rule *rule, uint8_t *address)
{
	const struct remote *remote;
	const struct prefix *prefixes = NULL;
	size_t count = 0;

	for (size_t i = 0; i < ADDRESS_BYTES; i++)
		address[i] = (uint8_t)random_word(random);
	if (one_in(random, 2))
		memcpy(address, (const uint8_t[12]){[10] = 0xff, [11] = 0xff}, 12);
	if (!rule || !rule->remote_count || one_in(random, 10))
		return;
	remote = &rule->remotes[random_below(random, (uint32_t)rule->remote_count)];
	if (remote->kind == REMOTE_CIDR) {
		prefixes = &remote->cidr;
		count = 1;
	} else if (remote->kind == REMOTE_SET) {
		prefixes = world->sets[remote->name[1] - '0']->prefixes;
		count = world->sets[remote->name[1] - '0']->prefix_count;
	} else if (remote->name[1] - '0' < WORLD_GROUPS) {
		prefixes = test->groups[remote->name[1] - '0'].members;
		count = test->groups[remote->name[1] - '0'].count;
	}
	if (count)
		pick_address(random, &prefixes[random_below(random, (uint32_t)count)], address);
}

/* One of the ends of a range or beside it. */
static uint16_t pick_port(struct random *random, uint16_t first, uint16_t last)
{
	switch (random_below(random, 5)) {
	case 0:
		return first;
	case 1:
		return last;
	case 2:
		return (uint16_t)(first - 1);
	case 3:
		return (uint16_t)(last + 1);
	default:
		return (uint16_t)random_word(random);
	}
}

static void pick_service(struct random *random, const struct rule *rule, struct policy_query *query)
{
	const struct service *service;

	query->protocol = one_in(random, 2) ? IPPROTO_TCP : (uint8_t)random_word(random);
	query->port = (uint16_t)random_word(random);
	query->source_port = (uint16_t)random_word(random);
	if (!rule || !rule->service_count || one_in(random, 10))
		return;
	service = &rule->services[random_below(random, (uint32_t)rule->service_count)];
	query->protocol = service->protocol;
	query->port = pick_port(random, service->port_first, service->port_last);
	query->source_port = pick_port(random, service->source_first, service->source_last);
	if (service->icmp_type >= 0) {
		uint16_t code = service->icmp_code >= 0 ? (uint16_t)service->icmp_code
							: (uint16_t)random_below(random, 256);

		query->port = (uint16_t)(service->icmp_type << 8 | code);
		if (one_in(random, 4))
			query->port = (uint16_t)(query->port + (one_in(random, 2) ? 1 : -1));
	}
}

struct policy_query make_world_query(struct random *random, const struct world *world,
				     const struct policy_case *test)
{
	const struct rule *rule = random_rule(random, world);
	struct policy_query query = {.direction = (uint8_t)random_below(random, 2)};

	pick_remote(random, world, test, rule, query.remote);
	/* Now and then the service of another rule: what two rules make together. */
	pick_service(random, one_in(random, 4) ? random_rule(random, world) : rule, &query);
	return query;
}
