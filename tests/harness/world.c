/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/harness/world.h"

#include <netinet/in.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/write/print.h"
#include "tests/harness/test.h"

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	assert_non_null(memory);
	return memory;
}

static char *make_name(char kind, uint32_t number)
{
	char *name;

	assert_true(asprintf(&name, "%c%u", kind, number) > 0);
	return name;
}

/* ---- addresses ------------------------------------------------------------------------------ */

/* Few values, so that addresses share their heads. */
static uint8_t make_byte(struct random *random)
{
	static const uint8_t bytes[] = {0, 0, 10, 127, 128, 255, 1};

	return one_in(random, 8) ? (uint8_t)random_word(random)
				 : bytes[random_below(random, sizeof(bytes))];
}

static void keep_bits(uint8_t *address, unsigned int bits)
{
	for (unsigned int i = bits; i < ADDRESS_BYTES * 8; i++)
		address[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

static struct prefix make_prefix(struct random *random)
{
	bool ipv4 = one_in(random, 2);
	unsigned int base = ipv4 ? 96 : 0;
	struct prefix prefix;

	do {
		memset(prefix.address, 0, sizeof(prefix.address));
		memset(prefix.address + 10, ipv4 ? 0xff : 0, 2);
		for (size_t i = ipv4 ? 12 : 0; i < ADDRESS_BYTES; i++)
			prefix.address[i] = make_byte(random);
		prefix.bits = (uint8_t)(base + random_below(random, 129 - base));
		/* Whole bytes and whole addresses are what people write. */
		if (one_in(random, 3))
			prefix.bits = (uint8_t)(base + 8 * random_below(random, (136 - base) / 8));
		keep_bits(prefix.address, prefix.bits);
	} while (!ipv4 && is_ipv4(prefix.address));
	return prefix;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static void make_range(struct random *random, uint16_t *first, uint16_t *last)
{
	static const uint16_t ports[] = {0, 1, 22, 80, 81, 255, 256, 443, 4095, 4096, 65534, 65535};
	uint16_t a = ports[random_below(random, ARRAY_SIZE(ports))];
	uint16_t b = ports[random_below(random, ARRAY_SIZE(ports))];

	if (one_in(random, 4))
		a = (uint16_t)random_word(random);
	if (one_in(random, 2))
		b = a;
	*first = a < b ? a : b;
	*last = a < b ? b : a;
}

static struct service make_service(struct random *random)
{
	static const uint8_t protocols[] = {IPPROTO_TCP,
					    IPPROTO_TCP,
					    IPPROTO_UDP,
					    IPPROTO_SCTP,
					    IPPROTO_ICMP,
					    IPPROTO_ICMPV6,
					    IPPROTO_UDPLITE,
					    IPPROTO_GRE,
					    0,
					    255};
	struct service service = {
		.protocol = protocols[random_below(random, ARRAY_SIZE(protocols))],
		.port_last = UINT16_MAX,
		.source_last = UINT16_MAX,
		.icmp_type = -1,
		.icmp_code = -1,
	};

	switch (service.protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		if (!one_in(random, 4))
			make_range(random, &service.port_first, &service.port_last);
		if (one_in(random, 6))
			make_range(random, &service.source_first, &service.source_last);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (!one_in(random, 3))
			service.icmp_type = make_byte(random);
		if (service.icmp_type >= 0 && one_in(random, 2))
			service.icmp_code = make_byte(random);
		break;
	default:
		break;
	}
	return service;
}

static struct remote make_remote(struct random *random)
{
	struct remote remote = {.kind = REMOTE_CIDR};

	switch (random_below(random, 5)) {
	case 0:
		remote.kind = REMOTE_GROUP;
		remote.name = make_name('g', random_below(random, WORLD_GROUPS + 1));
		break;
	case 1:
		remote.kind = REMOTE_SET;
		remote.name = make_name('s', random_below(random, WORLD_SETS));
		break;
	default:
		remote.cidr = make_prefix(random);
	}
	return remote;
}

static struct rule make_rule(struct random *random, uint32_t number)
{
	struct rule rule = {.in = !one_in(random, 2)};

	rule.out = !rule.in || one_in(random, 3);
	rule.action = one_in(random, 2) ? ACTION_ALLOW : ACTION_DENY;
	rule.log = one_in(random, 4);
	rule.keep_established = rule.action == ACTION_ALLOW && one_in(random, 4);
	if (one_in(random, 2))
		rule.id = make_name('r', number);
	rule.remote_count = one_in(random, 4) ? 0 : 1 + random_below(random, 3);
	rule.remotes = allocate(rule.remote_count, sizeof(*rule.remotes));
	for (size_t i = 0; i < rule.remote_count; i++)
		rule.remotes[i] = make_remote(random);
	rule.service_count = one_in(random, 4) ? 0 : 1 + random_below(random, 4);
	rule.services = allocate(rule.service_count, sizeof(*rule.services));
	for (size_t i = 0; i < rule.service_count; i++)
		rule.services[i] = make_service(random);
	return rule;
}

/* ---- settings ------------------------------------------------------------------------------- */

static void make_settings(struct random *random, struct defaults *defaults, struct guards *guards,
			  struct limits *limits)
{
	for (size_t i = 0; i < ARRAY_SIZE(defaults->action); i++) {
		if (one_in(random, 3))
			defaults->action[i] = one_in(random, 2) ? ACTION_ALLOW : ACTION_DENY;
	}
	for (size_t i = 0; i < GUARD_KIND_COUNT; i++) {
		if (one_in(random, 6))
			guards->setting[i] = one_in(random, 2) ? GUARD_ON : GUARD_OFF;
	}
	if (guards->setting[GUARD_KIND_VLAN] == GUARD_ON)
		guards->vlan_count = random_below(random, PORT_VLANS_MAX + 1);
	for (size_t i = 0; i < guards->vlan_count; i++)
		guards->vlans[i] = (uint16_t)(1 + i * 255 + random_below(random, 255));
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		if (one_in(random, 6))
			limits->value[i] = 1 + random_below(random, 1000000);
	}
}

static struct policy *make_policy(struct random *random, char *name)
{
	struct policy *policy = allocate(1, sizeof(*policy));

	init_policy(policy);
	policy->name = name;
	if (one_in(random, 3))
		policy->description = strdup("<Less> & \"more\" of it");
	make_settings(random, &policy->defaults, &policy->guards, &policy->limits);
	policy->rule_count = random_below(random, 9);
	policy->rules = allocate(policy->rule_count, sizeof(*policy->rules));
	for (size_t i = 0; i < policy->rule_count; i++)
		policy->rules[i] = make_rule(random, (uint32_t)i);
	return policy;
}

static struct address_set *make_set(struct random *random, uint32_t number)
{
	struct address_set *set = allocate(1, sizeof(*set));

	set->name = make_name('s', number);
	set->prefix_count = random_below(random, 6);
	set->prefixes = allocate(set->prefix_count, sizeof(*set->prefixes));
	for (size_t i = 0; i < set->prefix_count; i++)
		set->prefixes[i] = make_prefix(random);
	return set;
}

/* ---- the domain ----------------------------------------------------------------------------- */

static void make_items(struct random *random, struct policy_item **ret, size_t *ret_count)
{
	struct policy_item *items = allocate(WORLD_POLICIES + 1, sizeof(*items));
	size_t count = 0;

	for (uint32_t i = 0; i < WORLD_POLICIES; i++) {
		if (one_in(random, 2))
			items[count++].ref = make_name('p', i);
	}
	if (one_in(random, 2))
		items[count++].policy = make_policy(random, NULL);
	*ret = items;
	*ret_count = count;
}

static void make_interface(struct random *random, struct interface_policy *interface)
{
	init_interface_policy(interface);
	memcpy(interface->mac, case_mac, sizeof(interface->mac));
	make_settings(random, &interface->defaults, &interface->guards, &interface->limits);
	interface->addresses = allocate(2, sizeof(*interface->addresses));
	for (size_t i = 0; i < random_below(random, 3); i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.0.%zu.%u", i, random_below(random, 256));
		assert_int_equal(parse_prefix(text, &interface->addresses[i]), PREFIX_OK);
		interface->address_count = i + 1;
	}
	make_items(random, &interface->policies, &interface->policy_count);
}

static struct domain_policy *make_domain(struct random *random)
{
	struct domain_policy *domain = allocate(1, sizeof(*domain));

	init_domain_policy(domain);
	domain->mode = one_in(random, 4) ? MODE_AUDIT : MODE_ENFORCE;
	make_settings(random, &domain->defaults, &domain->guards, &domain->limits);
	make_items(random, &domain->policies, &domain->policy_count);
	domain->group_count = random_below(random, 3);
	domain->groups = allocate(domain->group_count, sizeof(*domain->groups));
	for (size_t i = 0; i < domain->group_count; i++)
		domain->groups[i] = make_name('g', (uint32_t)i);
	domain->interface_count = random_below(random, 2);
	domain->interfaces = allocate(domain->interface_count, sizeof(*domain->interfaces));
	if (domain->interface_count)
		make_interface(random, &domain->interfaces[0]);
	return domain;
}

/* ---- the world ------------------------------------------------------------------------------ */

static void make_groups(struct random *random, struct policy_case *test)
{
	test->group_count = WORLD_GROUPS; /* rules name one more, that nobody knows */
	for (uint32_t i = 0; i < WORLD_GROUPS; i++) {
		struct case_group *group = &test->groups[i];

		snprintf(group->name, sizeof(group->name), "g%u", i);
		group->count = random_below(random, 5);
		group->members = allocate(group->count, sizeof(*group->members));
		for (size_t j = 0; j < group->count; j++)
			group->members[j] = make_prefix(random);
		qsort(group->members, group->count, sizeof(*group->members), compare_prefixes);
	}
}

static void write_files(const struct world *world, struct policy_case *test)
{
	for (size_t i = 0; i < WORLD_POLICIES; i++) {
		_cleanup_free_ char *text = NULL;
		size_t size;
		FILE *stream = open_memstream(&text, &size);

		print_policy(world->policies[i], stream);
		assert_int_equal(fclose(stream), 0);
		add_case_file(test, world->policies[i]->name, text);
	}
	for (size_t i = 0; i < WORLD_SETS; i++) {
		_cleanup_free_ char *text = NULL;
		size_t size;
		FILE *stream = open_memstream(&text, &size);

		print_address_set(world->sets[i], stream);
		assert_int_equal(fclose(stream), 0);
		add_case_file(test, world->sets[i]->name, text);
	}
}

void make_world(struct random *random, struct policy_case *test, struct world *ret)
{
	struct world world = {0};

	for (uint32_t i = 0; i < WORLD_POLICIES; i++)
		world.policies[i] = make_policy(random, make_name('p', i));
	for (uint32_t i = 0; i < WORLD_SETS; i++)
		world.sets[i] = make_set(random, i);
	if (one_in(random, 3))
		world.mandatory = make_policy(random, make_name('m', 0));
	world.domain = make_domain(random);
	make_groups(random, test);
	write_files(&world, test);
	*ret = world;
}

void free_world(struct world *world)
{
	for (size_t i = 0; i < WORLD_POLICIES; i++)
		free_policy(&world->policies[i]);
	for (size_t i = 0; i < WORLD_SETS; i++)
		free_address_set(&world->sets[i]);
	free_policy(&world->mandatory);
	free_domain_policy(&world->domain);
}

void build_world(const struct world *world, struct policy_case *test)
{
	const struct group_source groups = case_groups(test);
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	print_domain_policy(world->domain, stream);
	assert_int_equal(fclose(stream), 0);
	if (load_library(test->directory, &test->library, &test->diag) ||
	    parse_domain_policy(text, size, "domain world", 1, &test->domain, &test->diag) ||
	    resolve_policy(test->library, world->mandatory, test->domain, case_mac, &groups,
			   &test->effective, &test->diag) ||
	    compile_image(test->effective, &test->image, &test->diag))
		fail_msg("%s", case_error(test));
}
