// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/model/policies.h"

#include "hostd/base/cleanup.h"
#include "tests/harness/rig.h"
#include "tests/harness/test.h"

size_t count_rule_counters(const struct model_policy *policy)
{
	return policy->parts.image->rule_count + 1;
}

static struct model_policy *make_policy(struct policy_pool *pool, const char *xml)
{
	struct model_policy *policy = calloc(1, sizeof(*policy));

	assert_non_null(policy);
	policy->xml = strdup(xml);
	assert_non_null(policy->xml);
	open_case(&policy->parts);
	add_case_group(&policy->parts, "web", "198.51.100.80", "2001:db8:80::80", NULL);
	add_case_group(&policy->parts, "clients", "192.0.2.0/24", "2001:db8:7::/48", NULL);
	add_case_group(&policy->parts, "empty", NULL);
	compile_case(&policy->parts, xml);
	set_image(pool->port, policy->parts.image);
	policy->image = pool->port->record.image;
	policy->rule_base = pool->port->rule_base;
	policy->hits = calloc(count_rule_counters(policy), sizeof(*policy->hits));
	policy->before = calloc(count_rule_counters(policy), sizeof(*policy->before));
	assert_non_null(policy->hits);
	assert_non_null(policy->before);
	return policy;
}

struct model_policy *pool_policy(struct policy_pool *pool, const char *xml)
{
	for (size_t i = 0; i < pool->count; i++) {
		if (!strcmp(pool->items[i]->xml, xml))
			return pool->items[i];
	}
	if (pool->count == POLICY_POOL_MAX)
		fail_msg("too many policies");
	return pool->items[pool->count++] = make_policy(pool, xml);
}

void empty_pool(struct policy_pool *pool)
{
	while (pool->count) {
		struct model_policy *policy = pool->items[--pool->count];

		close_case(&policy->parts);
		free(policy->hits);
		free(policy->before);
		free(policy->xml);
		free(policy);
	}
}

/* ---- random ones ---------------------------------------------------------------------------- */

static const char *pick(struct random *random, const char *const *texts, size_t count)
{
	return texts[random_below(random, (uint32_t)count)];
}
#define PICK(random, texts) pick((random), (texts), ARRAY_SIZE(texts))

static void print_remotes(struct random *random, FILE *stream)
{
	static const char *const remotes[] = {
		"cidr='198.51.100.0/24'",
		"cidr='198.51.100.80'",
		"cidr='192.0.2.7'",
		"cidr='203.0.113.0/24'",
		"cidr='10.0.0.0/8'",
		"cidr='224.0.0.0/4'",
		"cidr='255.255.255.255'",
		"cidr='0.0.0.0/0'",
		"cidr='2001:db8:80::/48'",
		"cidr='2001:db8:7::7'",
		"cidr='ff02::/16'",
		"cidr='fe80::/10'",
		"cidr='::/0'",
		"group='web'",
		"group='clients'",
		"cidr='2001:db8:66::/48'",
		"group='empty'",
	};

	for (uint32_t i = random_below(random, 3); i > 0; i--)
		fprintf(stream, "<remote %s/>", PICK(random, remotes));
}

static void print_services(struct random *random, FILE *stream)
{
	static const char *const services[] = {
		"tcp",
		"tcp port='80'",
		"tcp port='22'",
		"tcp port='80-443'",
		"tcp port='40000-40010'",
		"tcp source-port='40000-40005'",
		"tcp port='80' source-port='40001'",
		"udp",
		"udp port='53'",
		"udp port='67'",
		"udp port='68'",
		"udp port='5353'",
		"udp port='546-547'",
		"udp source-port='53'",
		"sctp port='53'",
		"udplite",
		"icmp",
		"icmp type='echo-request'",
		"icmp type='13'",
		"icmp type='30' code='1'",
		"icmpv6",
		"icmpv6 type='echo-request'",
		"icmpv6 type='160' code='0'",
		"protocol number='47'",
		"protocol number='50'",
		"protocol number='59'",
	};

	for (uint32_t i = random_below(random, 4); i > 0; i--)
		fprintf(stream, "<%s/>", PICK(random, services));
}

static void print_rule(struct random *random, FILE *stream)
{
	static const char *const directions[] = {"in", "out", "inout"};
	bool allow = !one_in(random, 3);

	fprintf(stream, "<rule direction='%s' action='%s'%s%s>", PICK(random, directions),
		allow ? "allow" : "deny", one_in(random, 4) ? " log='yes'" : "",
		allow && one_in(random, 4) ? " keep-established='yes'" : "");
	print_remotes(random, stream);
	print_services(random, stream);
	fputs("</rule>", stream);
}

static void add_random_policy(struct policy_pool *pool, struct random *random)
{
	_cleanup_free_ char *xml = NULL;
	size_t size;
	FILE *stream = open_memstream(&xml, &size);

	assert_non_null(stream);
	fprintf(stream, "<default in='%s' out='%s'/>", one_in(random, 2) ? "deny" : "allow",
		one_in(random, 4) ? "deny" : "allow");
	for (uint32_t i = random_below(random, 8); i > 0; i--)
		print_rule(random, stream);
	assert_int_equal(fclose(stream), 0);
	pool_policy(pool, xml);
}

void fill_pool(struct policy_pool *pool, struct random *random, size_t count)
{
	pool_policy(pool, "<default in='allow' out='allow'/>");
	pool_policy(pool, "<default in='deny' out='allow'/>");
	pool_policy(pool, "<default in='deny' out='deny'/>");
	while (count--)
		add_random_policy(pool, random);
}
