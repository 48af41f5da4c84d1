/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Precedence, order of rules, expansion of remotes, and what is wrong with references. */
#include "hostd/base/cleanup.h"
#include "hostd/policy/read/parse.h"
#include "tests/harness/policy_case.h"
#include "tests/harness/test.h"

#define POLICY(name, content) "<policy xmlns='urn:vmseg:1' name='" name "'>" content "</policy>"

static int open_test(void **state)
{
	struct policy_case *test = malloc(sizeof(*test));

	assert_non_null(test);
	open_case(test);
	*state = test;
	return 0;
}

static int close_test(void **state)
{
	close_case(*state);
	free(*state);
	return 0;
}

static void resolve(struct policy_case *test, const char *domain_content)
{
	if (build_case(test, domain_content))
		fail_msg("%s", case_error(test));
}

static void set_mandatory(struct policy_case *test, const char *xml)
{
	struct address_set *set = NULL;

	assert_int_equal(parse_policy_text(xml, strlen(xml), "mandatory", &test->mandatory, &set,
					   &test->diag),
			 0);
}

static void nothing_said_is_the_built_in(void **state)
{
	struct policy_case *test = *state;
	const struct effective_policy *policy;

	resolve(test, "");
	policy = test->effective;
	assert_int_equal(policy->mode, MODE_ENFORCE);
	assert_int_equal(policy->default_action[DIRECTION_IN], ACTION_DENY);
	assert_int_equal(policy->default_action[DIRECTION_OUT], ACTION_ALLOW);
	assert_int_equal(policy->guards, GUARDS_ALL);
	assert_int_equal(policy->vlan_count, 0);
	assert_int_equal(policy->limits[LIMIT_SESSIONS], 20000);
	for (size_t i = LIMIT_SESSIONS + 1; i < LIMIT_COUNT; i++)
		assert_int_equal(policy->limits[i], 0);
	assert_int_equal(policy->rule_count + policy->list_count + policy->group_count, 0);
	resolve(test, "<interface mac='" CASE_MAC "'><address ip='10.0.0.1'/></interface>");
	assert_int_equal(test->effective->guards, GUARDS_ALL);
	assert_int_equal(test->effective->address_count, 1);
}

/* Each level says one thing more than the one above it; `sessions` names who was heard. */
static void the_nearest_to_the_host_is_heard(void **state)
{
	static const char nic[] = "<interface mac='" CASE_MAC "'><limits sessions='2'/>"
				  "<default in='allow'/></interface>";
	static const char domain[] = "<limits sessions='3' half-open='3'/>"
				     "<policy ref='a'/><policy ref='b'/>";
	struct policy_case *test = *state;
	_cleanup_free_ char *both = NULL;

	add_case_file(test, "a",
		      POLICY("a", "<limits sessions='4' half-open='4' session-rate='4'/>"));
	add_case_file(test, "b",
		      POLICY("b", "<limits sessions='5' half-open='5' "
				  "session-rate='5' sessions-per-remote='5'/>"
				  "<default in='deny' out='deny'/>"));
	assert_true(asprintf(&both, "%s%s", domain, nic) > 0);
	resolve(test, both);
	assert_int_equal(test->effective->limits[LIMIT_SESSIONS], 2);
	assert_int_equal(test->effective->limits[LIMIT_HALF_OPEN], 3);
	assert_int_equal(test->effective->limits[LIMIT_SESSION_RATE], 4);
	assert_int_equal(test->effective->limits[LIMIT_SESSION_BURST], 4);
	assert_int_equal(test->effective->limits[LIMIT_SESSIONS_PER_REMOTE], 5);
	assert_int_equal(test->effective->default_action[DIRECTION_IN], ACTION_ALLOW);
	assert_int_equal(test->effective->default_action[DIRECTION_OUT], ACTION_DENY);
	resolve(test, domain);
	assert_int_equal(test->effective->limits[LIMIT_SESSIONS], 3);
	set_mandatory(test, POLICY("m", "<limits sessions='1'/><default in='deny'/>"));
	resolve(test, both);
	assert_int_equal(test->effective->limits[LIMIT_SESSIONS], 1);
	assert_int_equal(test->effective->limits[LIMIT_HALF_OPEN], 3);
	assert_int_equal(test->effective->default_action[DIRECTION_IN], ACTION_DENY);
}

static void expect_place(const struct place *place, const char *expected)
{
	char text[64] = "built in";

	if (place->source)
		snprintf(text, sizeof(text), "%s:%d",
			 strrchr(place->source, '/') ? strrchr(place->source, '/') + 1
						     : place->source,
			 place->line);
	assert_string_equal(text, expected);
}

static void settings_know_where_they_were_said(void **state)
{
	const struct setting_places *places;
	struct policy_case *test = *state;

	add_case_file(test, "a",
		      POLICY("a", "\n<limits sessions='4' half-open='4'/>\n<default in='allow'/>"));
	set_mandatory(test, POLICY("m", "\n\n<guards mac='on'/>"));
	resolve(test, "\n<limits sessions='3'/><policy ref='a'/>\n<guards mac='off' ip='off'/>"
		      "<interface mac='" CASE_MAC "'>\n<guards arp='off'/></interface>");
	places = &test->effective->setting_places;
	expect_place(&places->defaults[DIRECTION_IN], "a.xml:3");
	expect_place(&places->defaults[DIRECTION_OUT], "built in");
	expect_place(&places->guards[GUARD_KIND_MAC], "mandatory:3");
	expect_place(&places->guards[GUARD_KIND_IP], "domain case:3");
	expect_place(&places->guards[GUARD_KIND_ARP], "domain case:4");
	expect_place(&places->guards[GUARD_KIND_ND], "built in");
	expect_place(&places->limits[LIMIT_SESSIONS], "domain case:2");
	expect_place(&places->limits[LIMIT_HALF_OPEN], "a.xml:2");
	expect_place(&places->limits[LIMIT_SESSION_RATE], "built in");
}

static void guards_are_heard_one_by_one(void **state)
{
	struct policy_case *test = *state;

	set_mandatory(test, POLICY("m", "<guards mac='on' vlan='7'/>"));
	resolve(test, "<guards mac='off' arp='off' dhcp-server='on' vlan='1,2'/>"
		      "<policy><guards arp='on' nd='off' other-ethertypes='allow'/></policy>");
	assert_int_equal(test->effective->guards,
			 GUARDS_ALL & ~(GUARD_ARP | GUARD_DHCP_SERVER | GUARD_ND |
					GUARD_OTHER_ETHERTYPES));
	/* The list of VLANs goes with the setting that was heard. */
	assert_int_equal(test->effective->vlan_count, 1);
	assert_int_equal(test->effective->vlans[0], 7);
	resolve(test, "<guards tcp-window='liberal'/>"
		      "<policy><guards tcp-window='strict'/></policy>");
	assert_int_equal(test->effective->guards & GUARD_TCP_WINDOW, 0);
	free_policy(&test->mandatory);
	resolve(test, "<guards vlan='any'/><policy><guards vlan='9'/></policy>");
	assert_int_equal(test->effective->guards & GUARD_VLAN, 0);
	assert_int_equal(test->effective->vlan_count, 0);
}

#define RULE(id) "<rule id='" id "' direction='in' action='allow'/>"

static void expect_rules(const struct policy_case *test, const char *expected)
{
	_cleanup_free_ char *list = NULL;
	size_t size;
	FILE *stream = open_memstream(&list, &size);

	for (size_t i = 0; i < test->effective->rule_count; i++)
		fprintf(stream, "%s/%s ", test->effective->rules[i].policy,
			test->effective->rules[i].rule->id);
	assert_int_equal(fclose(stream), 0);
	assert_string_equal(list, expected);
}

static void rules_come_in_order_of_their_policies(void **state)
{
	struct policy_case *test = *state;

	add_case_file(test, "a", POLICY("a", RULE("one") RULE("two")));
	add_case_file(test, "b", POLICY("b", RULE("one")));
	resolve(test, "<policy ref='b'/><policy>" RULE("x") "</policy><policy ref='a'/>");
	expect_rules(test, "b/one inline/x a/one a/two ");
	/* An interface's own list replaces the domain's. */
	resolve(test, "<policy ref='b'/><interface mac='" CASE_MAC "'><policy ref='a'/>"
		      "</interface>");
	expect_rules(test, "a/one a/two ");
	resolve(test, "<policy ref='b'/><interface mac='" CASE_MAC "'/>"
		      "<interface mac='52:54:00:00:00:02'><policy ref='a'/></interface>");
	expect_rules(test, "b/one ");
	set_mandatory(test, POLICY("m", RULE("first")));
	resolve(test, "<policy ref='b'/><interface mac='" CASE_MAC "'><policy ref='a'/>"
		      "</interface>");
	expect_rules(test, "m/first a/one a/two ");
}

static void audit_is_the_domains(void **state)
{
	struct policy_case *test = *state;
	struct group_source groups = case_groups(test);
	static const char xml[] = "<domain xmlns='urn:vmseg:1' mode='audit'/>";

	resolve(test, "");
	free_effective_policy(&test->effective);
	free_domain_policy(&test->domain);
	assert_int_equal(parse_domain_policy(xml, strlen(xml), "D", 1, &test->domain, &test->diag),
			 0);
	assert_int_equal(resolve_policy(test->library, NULL, test->domain, case_mac, &groups,
					&test->effective, &test->diag),
			 0);
	assert_int_equal(test->effective->mode, MODE_AUDIT);
}

static void expect_list(const struct policy_case *test, size_t rule, const char *expected)
{
	const struct effective_policy *policy = test->effective;
	const struct prefix_list *prefixes = &policy->lists[policy->rules[rule].list];
	_cleanup_free_ char *list = NULL;
	char text[PREFIX_TEXT_BYTES];
	size_t size;
	FILE *stream = open_memstream(&list, &size);

	for (size_t i = 0; i < prefixes->count; i++)
		fprintf(stream, "%s ", format_prefix(&prefixes->prefixes[i], text));
	assert_int_equal(fclose(stream), 0);
	assert_string_equal(list, expected);
}

#define FROM(remotes) "<rule direction='in' action='allow'>" remotes "</rule>"

static void remotes_become_sorted_prefixes(void **state)
{
	struct policy_case *test = *state;

	add_case_file(test, "s",
		      "<set xmlns='urn:vmseg:1' name='s'><cidr>10.9.0.0/16</cidr>"
		      "<cidr>2001:db8::/32</cidr><cidr>10.0.0.0/9</cidr></set>");
	add_case_group(test, "g", "10.1.2.3", "::/0", "192.0.2.1", NULL);
	resolve(test, "<policy>"
		/* what lies inside another goes, also across IPv4 in the midst of IPv6 */
		FROM("<remote set='s'/><remote group='g'/>")
			FROM("<remote cidr='10.0.0.1'/><remote cidr='10.0.0.1/32'/>")
				FROM("<remote group='nobody'/>") FROM("") FROM("<remote set='s'/>")
					FROM("<remote set='s'/><remote group='g'/>") "</policy>");
	expect_list(test, 0, "::/0 10.0.0.0/9 192.0.2.1 ");
	expect_list(test, 1, "10.0.0.1 ");
	expect_list(test, 2, "");
	assert_true(test->effective->rules[3].list == ANY_REMOTE);
	expect_list(test, 4, "10.0.0.0/9 2001:db8::/32 ");
	/* The same remotes share one list. */
	assert_int_equal(test->effective->rules[5].list, test->effective->rules[0].list);
	assert_int_equal(test->effective->list_count, 4);
	assert_int_equal(test->effective->group_count, 2);
	assert_string_equal(test->effective->groups[0], "g");
	assert_string_equal(test->effective->groups[1], "nobody");
}

static void expect_error(struct policy_case *test, const char *domain_content, int error,
			 const char *format)
{
	char expected[512];

	assert_int_equal(build_case(test, domain_content), error);
	assert_null(test->effective);
	snprintf(expected, sizeof(expected), "%s", format);
	assert_string_equal(case_error(test), expected);
}

static void unknown_references_say_where_they_are(void **state)
{
	struct policy_case *test = *state;
	char message[512];

	add_case_file(test, "s", "<set xmlns='urn:vmseg:1' name='s'/>");
	add_case_file(test, "bad", "<policy xmlns='urn:vmseg:1' name='bad'>\n<x/></policy>");
	snprintf(message, sizeof(message),
		 "domain case:2: <policy>: ref=\"none\": there is no policy \"none\" (no file "
		 "%s/none.xml)",
		 test->directory);
	expect_error(test, "\n<policy ref='none'/>", -ENOENT, message);
	expect_error(test, "\n<interface mac='" CASE_MAC "'>\n<policy ref='s'/></interface>",
		     -ENOENT,
		     "domain case:3: <policy>: ref=\"s\": \"s\" is an address set, not a policy");
	snprintf(message, sizeof(message),
		 "domain case:1: <policy>: ref=\"bad\": %s/bad.xml:2: <x>: unknown element in "
		 "<policy> (expected description, default, guards, limits or rule)",
		 test->directory);
	expect_error(test, "<policy ref='bad'/>", -ENOENT, message);
	snprintf(message, sizeof(message),
		 "domain case:3: <remote>: set=\"none\": there is no address set \"none\" (no file "
		 "%s/none.xml)",
		 test->directory);
	expect_error(test,
		     "<policy>\n<rule direction='in' action='allow'>\n<remote set='none'/>"
		     "</rule></policy>",
		     -ENOENT, message);
}

/* Groups as large as no host has. */
static size_t many_members(void *context, const char *name, const struct prefix **ret)
{
	(void)name;
	*ret = context;
	return PREFIXES_MAX / 2;
}

static void too_many_addresses_are_refused(void **state)
{
	struct policy_case *test = *state;
	struct prefix *members = calloc(PREFIXES_MAX / 2, sizeof(*members));
	const struct group_source groups = {many_members, members};
	struct effective_policy *policy = NULL;

	assert_non_null(members);
	resolve(test, "<policy>" FROM("<remote group='a'/>") FROM("<remote group='b'/>")
			      FROM("<remote group='a'/>") "</policy>");
	assert_int_equal(resolve_policy(test->library, NULL, test->domain, case_mac, &groups,
					&policy, &test->diag),
			 0);
	free_effective_policy(&policy);
	resolve(test, "<policy>" FROM("<remote group='a'/>") FROM("<remote group='b'/>")
			      FROM("<remote cidr='10.0.0.1'/>") "</policy>");
	assert_int_equal(resolve_policy(test->library, NULL, test->domain, case_mac, &groups,
					&policy, &test->diag),
			 -E2BIG);
	assert_string_equal(case_error(test),
			    "domain case:1: the rules name more than 1048576 prefixes in total");
	assert_null(policy);
	free(members);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_test, close_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_said_is_the_built_in),
		TEST(the_nearest_to_the_host_is_heard),
		TEST(settings_know_where_they_were_said),
		TEST(guards_are_heard_one_by_one),
		TEST(rules_come_in_order_of_their_policies),
		TEST(audit_is_the_domains),
		TEST(remotes_become_sorted_prefixes),
		TEST(unknown_references_say_where_they_are),
		TEST(too_many_addresses_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
