/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules that decide nothing are found, with both places; rules that decide something are not. */
#include "hostd/base/cleanup.h"
#include "tests/harness/policy_case.h"
#include "tests/harness/test.h"
#include "tests/harness/world.h"

static struct random random_state;

/* All warnings of a policy's rules, one line each. */
static void expect_warnings(const char *rules, const char *expected)
{
	_cleanup_free_ char *list = NULL;
	struct policy_case test;
	struct diag diag = {0};
	size_t size;
	FILE *stream = open_memstream(&list, &size);
	int found;

	open_case(&test);
	add_case_group(&test, "g", "10.0.0.1", NULL);
	add_case_file(&test, "none", "<set xmlns='urn:vmseg:1' name='none'/>");
	compile_case(&test, rules);
	found = find_shadowed_rules(test.effective, &diag);
	assert_int_equal(found, diag.warning_count);
	for (size_t i = 0; i < diag.warning_count; i++)
		fprintf(stream, "%s %s\n", diag.warnings[i].where, diag.warnings[i].text);
	assert_int_equal(fclose(stream), 0);
	assert_string_equal(list, expected);
	clear_diag(&diag);
	close_case(&test);
}

#define RULE(id, content) "<rule id='" id "' direction='in' action='allow'>" content "</rule>\n"

static void rules_that_decide_are_not_reported(void **state)
{
	(void)state;
	expect_warnings("", "");
	expect_warnings(RULE("a", "<tcp port='80'/>") RULE("b", "<tcp port='79-80'/>")
				RULE("c", "<remote cidr='10.0.0.0/8'/>") RULE("d", ""),
			"");
	/* Together, earlier rules leave one port. */
	expect_warnings(RULE("a", "<tcp port='0-79'/>") RULE("b", "<tcp port='81-65535'/>")
				RULE("c", "<tcp/>"),
			"");
	/* An empty group may have members tomorrow. */
	expect_warnings(RULE("a", "") RULE("b", "<remote group='nobody'/>"), "");
	expect_warnings(RULE("a", "<remote set='none'/><remote group='nobody'/>"), "");
}

static void rules_about_empty_sets_match_nothing(void **state)
{
	(void)state;
	expect_warnings(RULE("a", "<remote set='none'/>") RULE("b", ""),
			"domain case:1 <rule>: rule \"a\" matches nothing: its address sets are "
			"empty\n");
}

static void shadowed_rules_name_one_that_takes_their_packets(void **state)
{
	(void)state;
	expect_warnings(RULE("a", "") RULE("b", "<tcp port='80'/>"),
			"domain case:2 <rule>: rule \"b\" has no effect: earlier rules match "
			"everything that it matches, such as rule \"a\" (domain case:1)\n");
	expect_warnings(RULE("a", "<tcp port='0-79'/>") RULE("b", "<tcp port='80-65535'/>")
				RULE("c", "<tcp/>"),
			"domain case:3 <rule>: rule \"c\" has no effect: earlier rules match "
			"everything that it matches, such as rule \"a\" (domain case:1)\n");
	expect_warnings(RULE("a", "<remote cidr='10.0.0.0/8'/>") RULE("b", "<remote group='g'/>"),
			"domain case:2 <rule>: rule \"b\" has no effect: earlier rules match "
			"everything that it matches, such as rule \"a\" (domain case:1)\n");
	expect_warnings(
		"<rule direction='inout' action='deny'/>\n"
		"<rule direction='out' action='allow'/>",
		"domain case:2 <rule>: a rule without id has no effect: earlier rules match "
		"everything that it matches, such as a rule without id (domain case:1)\n");
	/* Both halves of a prefix are taken, so nothing of it is left. */
	expect_warnings(RULE("a", "<remote cidr='10.0.0.0/9'/>")
				RULE("b", "<remote cidr='10.128.0.0/9'/>")
					RULE("c", "<remote cidr='10.0.0.0/8'/>"),
			"domain case:3 <rule>: rule \"c\" has no effect: earlier rules match "
			"everything that it matches\n");
}

/* Cells that no packet meets do not keep a rule alive. */
static void impossible_packets_do_not_count(void **state)
{
	(void)state;
	expect_warnings(RULE("a", "<remote cidr='10.0.0.0/8'/><icmpv6/>"),
			"domain case:1 <rule>: rule \"a\" matches nothing: ICMP is used only with "
			"IPv4 addresses, ICMPv6 only with IPv6 addresses\n");
	expect_warnings(RULE("a", "<remote cidr='10.0.0.0/8'/><icmpv6/><icmp/>"), "");
	expect_warnings(RULE("a", "<remote cidr='::/0'/><icmpv6/>") RULE("b", "<icmpv6/>"),
			"domain case:2 <rule>: rule \"b\" has no effect: earlier rules match "
			"everything that it matches, such as rule \"a\" (domain case:1)\n");
	expect_warnings(RULE("a", "<tcp port='80' source-port='0-1023'/>")
				RULE("b", "<tcp port='80' source-port='1024-65535'/>")
					RULE("c", "<tcp port='80'/>"),
			"domain case:3 <rule>: rule \"c\" has no effect: earlier rules match "
			"everything that it matches, such as rule \"a\" (domain case:1)\n");
}

static bool is_reported(const struct diag *diag, const struct rule *rule)
{
	char where[64];

	snprintf(where, sizeof(where), "%s:%d", rule->place.source, rule->place.line);
	for (size_t i = 0; i < diag->warning_count; i++) {
		if (strcmp(diag->warnings[i].where, where) == 0)
			return true;
	}
	return false;
}

/* Of random policies, no rule that decides a random packet may be reported. */
static void no_random_rule_is_wronged(void **state)
{
	unsigned int worlds = random_rounds(200);
	uint32_t reported = 0;

	(void)state;
	for (unsigned int i = 0; i < worlds; i++) {
		struct policy_case test;
		struct diag diag = {0};
		struct world world;

		open_case(&test);
		make_world(&random_state, &test, &world);
		free_policy(&world.mandatory); /* made in memory: its rules have no place */
		build_world(&world, &test);
		assert_true(find_shadowed_rules(test.effective, &diag) >= 0);
		for (unsigned int j = 0; j < 1000; j++) {
			struct policy_query query = make_world_query(&random_state, &world, &test);
			uint32_t rule = look_up_verdict(test.image, &query) & VERDICT_RULE_MASK;

			if (query.protocol == 1 || query.protocol == 58)
				continue;
			if (rule && is_reported(&diag, test.effective->rules[rule - 1].rule))
				fail_msg("rule %u is reported and decides", rule);
		}
		reported += diag.warning_count;
		clear_diag(&diag);
		free_world(&world);
		close_case(&test);
	}
	assert_true(reported > 0 || worlds < 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_that_decide_are_not_reported),
		cmocka_unit_test(rules_about_empty_sets_match_nothing),
		cmocka_unit_test(shadowed_rules_name_one_that_takes_their_packets),
		cmocka_unit_test(impossible_packets_do_not_count),
		cmocka_unit_test(no_random_rule_is_wronged),
	};

	random_state = start_random();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
