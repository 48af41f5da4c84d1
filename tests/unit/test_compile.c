/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hand-made policies at the places where a compiler goes wrong: ends of ranges, families, empty
 * groups, order of rules, bounds. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "hostd/base/cleanup.h"
#include "tests/harness/policy_case.h"
#include "tests/harness/test.h"

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

/* A packet and the rule that must decide it (0: the default). */
struct expectation {
	enum direction direction;
	const char *remote;
	uint8_t protocol;
	uint16_t port, source_port;
	uint32_t rule;
};

static void check(const struct policy_case *test, const struct expectation *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct policy_query query = make_query(cases[i].direction, cases[i].remote,
						       cases[i].protocol, cases[i].port);
		uint32_t rule;
		bool allow;

		query.source_port = cases[i].source_port;
		rule = judge_case(test, &query, &allow);
		if (rule != cases[i].rule)
			fail_msg("case %zu: rule %u decides, not %u", i, rule, cases[i].rule);
	}
}

#define CHECK(test, ...)                                                                           \
	do {                                                                                       \
		static const struct expectation cases_[] = {__VA_ARGS__};                          \
		check(test, cases_, ARRAY_SIZE(cases_));                                           \
	} while (0)

#define IN  DIRECTION_IN
#define OUT DIRECTION_OUT
#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP

static void without_rules_the_default_decides(void **state)
{
	struct policy_case *test = *state;
	struct policy_query query = make_query(IN, "10.0.0.1", TCP, 80);

	compile_case(test, "");
	assert_int_equal(test->image->rule_count, 0);
	assert_int_equal(look_up_verdict(test->image, &query), 0);
	query = make_query(OUT, "2001:db8::1", UDP, 53);
	assert_int_equal(look_up_verdict(test->image, &query), VERDICT_ALLOW);
	compile_case(test, "<default in='allow' out='deny'/>");
	assert_int_equal(look_up_verdict(test->image, &query), 0);
	query.direction = IN;
	assert_int_equal(look_up_verdict(test->image, &query), VERDICT_ALLOW);
}

static void verdicts_carry_what_the_rule_says(void **state)
{
	struct policy_case *test = *state;
	struct policy_query query = make_query(IN, "10.0.0.1", TCP, 1);

	compile_case(test, "<rule direction='in' action='allow' log='yes'><tcp port='1'/></rule>"
			   "<rule direction='in' action='allow' keep-established='yes'>"
			   "<tcp port='2'/></rule>"
			   "<rule direction='in' action='deny' log='yes'><tcp port='3'/></rule>");
	assert_int_equal(look_up_verdict(test->image, &query), VERDICT_ALLOW | VERDICT_LOG | 1);
	query.port = 2;
	assert_int_equal(look_up_verdict(test->image, &query),
			 VERDICT_ALLOW | VERDICT_KEEP_ESTABLISHED | 2);
	query.port = 3;
	assert_int_equal(look_up_verdict(test->image, &query), VERDICT_LOG | 3);
	query.port = 4;
	assert_int_equal(look_up_verdict(test->image, &query), 0);
}

static void the_first_rule_that_matches_wins(void **state)
{
	struct policy_case *test = *state;

	compile_case(test, "<rule direction='in' action='deny'><remote cidr='10.1.0.0/16'/></rule>"
			   "<rule direction='in' action='allow'><remote cidr='10.0.0.0/8'/></rule>"
			   "<rule direction='in' action='deny'><remote cidr='10.1.2.0/24'/></rule>"
			   "<rule direction='inout' action='allow'/>");
	CHECK(test, {IN, "10.1.2.3", TCP, 1, 0, 1}, {IN, "10.2.2.3", TCP, 1, 0, 2},
	      {IN, "11.0.0.0", TCP, 1, 0, 4}, {OUT, "10.1.2.3", TCP, 1, 0, 4},
	      {IN, "::1", TCP, 1, 0, 4});
}

static void ranges_end_where_they_say(void **state)
{
	struct policy_case *test = *state;

	compile_case(test, "<rule direction='in' action='allow'><tcp port='100-200'/>"
			   "<udp port='0'/><udp port='65535'/></rule>"
			   "<rule direction='in' action='allow'><tcp port='201-65535'/></rule>");
	CHECK(test, {IN, "1.1.1.1", TCP, 99, 0, 0}, {IN, "1.1.1.1", TCP, 100, 0, 1},
	      {IN, "1.1.1.1", TCP, 200, 0, 1}, {IN, "1.1.1.1", TCP, 201, 0, 2},
	      {IN, "1.1.1.1", TCP, 65535, 0, 2}, {IN, "1.1.1.1", TCP, 0, 0, 0},
	      {IN, "1.1.1.1", UDP, 0, 0, 1}, {IN, "1.1.1.1", UDP, 1, 0, 0},
	      {IN, "1.1.1.1", UDP, 65534, 0, 0}, {IN, "1.1.1.1", UDP, 65535, 0, 1},
	      {IN, "1.1.1.1", 5, 65535, 0, 0}, {IN, "1.1.1.1", 7, 0, 0, 0},
	      {OUT, "1.1.1.1", TCP, 100, 0, 0});
}

static void prefixes_end_where_they_say(void **state)
{
	struct policy_case *test = *state;

	compile_case(test, "<rule direction='in' action='allow'><remote cidr='0.0.0.0/32'/>"
			   "<remote cidr='255.255.255.255'/><remote cidr='10.0.0.4/30'/>"
			   "<remote cidr='::'/><remote cidr='2001:db8::/33'/>"
			   "<remote cidr='ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'/></rule>");
	CHECK(test, {IN, "0.0.0.0", TCP, 1, 0, 1}, {IN, "0.0.0.1", TCP, 1, 0, 0},
	      {IN, "255.255.255.255", TCP, 1, 0, 1}, {IN, "255.255.255.254", TCP, 1, 0, 0},
	      {IN, "10.0.0.3", TCP, 1, 0, 0}, {IN, "10.0.0.4", TCP, 1, 0, 1},
	      {IN, "10.0.0.7", TCP, 1, 0, 1}, {IN, "10.0.0.8", TCP, 1, 0, 0},
	      {IN, "::", TCP, 1, 0, 1}, {IN, "::1", TCP, 1, 0, 0},
	      {IN, "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", TCP, 1, 0, 0},
	      {IN, "2001:db8::", TCP, 1, 0, 1},
	      {IN, "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", TCP, 1, 0, 1},
	      {IN, "2001:db8:8000::", TCP, 1, 0, 0},
	      {IN, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", TCP, 1, 0, 1},
	      {IN, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", TCP, 1, 0, 0});
}

static void families_do_not_mix(void **state)
{
	struct policy_case *test = *state;

	compile_case(test, "<rule direction='in' action='allow'><remote cidr='0.0.0.0/0'/>"
			   "<tcp port='4'/></rule>"
			   "<rule direction='in' action='allow'><remote cidr='::/0'/>"
			   "<tcp port='6'/></rule>"
			   "<rule direction='in' action='allow'><tcp port='46'/></rule>");
	CHECK(test, {IN, "1.2.3.4", TCP, 4, 0, 1}, {IN, "::1", TCP, 4, 0, 0},
	      {IN, "1.2.3.4", TCP, 6, 0, 0}, {IN, "::1", TCP, 6, 0, 2},
	      {IN, "1.2.3.4", TCP, 46, 0, 3}, {IN, "::1", TCP, 46, 0, 3});
}

static void empty_groups_and_sets_match_nothing(void **state)
{
	struct policy_case *test = *state;

	add_case_file(test, "empty", "<set xmlns='urn:vmseg:1' name='empty'/>");
	add_case_group(test, "full", "10.0.0.1", "2001:db8::1", NULL);
	add_case_group(test, "v4", "10.0.0.9", NULL);
	compile_case(test, "<rule direction='in' action='allow'><remote group='nobody'/></rule>"
			   "<rule direction='in' action='allow'><remote set='empty'/></rule>"
			   "<rule direction='in' action='allow'><remote set='empty'/>"
			   "<remote group='full'/></rule>"
			   "<rule direction='in' action='allow'><remote group='v4'/></rule>");
	CHECK(test, {IN, "10.0.0.1", TCP, 1, 0, 3}, {IN, "2001:db8::1", TCP, 1, 0, 3},
	      {IN, "10.0.0.9", TCP, 1, 0, 4}, {IN, "10.0.0.2", TCP, 1, 0, 0},
	      {IN, "::1", TCP, 1, 0, 0}, {IN, "::", TCP, 1, 0, 0}, {IN, "0.0.0.0", TCP, 1, 0, 0});
}

static void icmp_types_and_codes(void **state)
{
	struct policy_case *test = *state;

	compile_case(test,
		     "<rule direction='in' action='allow'><icmp type='echo-request'/>"
		     "<icmpv6 type='echo-request'/></rule>"
		     "<rule direction='in' action='allow'>"
		     "<icmp type='destination-unreachable' code='4'/></rule>"
		     "<rule direction='in' action='allow'><icmp type='255' code='255'/></rule>"
		     "<rule direction='out' action='deny'><icmp/></rule>");
	CHECK(test, {IN, "1.1.1.1", IPPROTO_ICMP, 8 << 8, 0, 1},
	      {IN, "1.1.1.1", IPPROTO_ICMP, 8 << 8 | 255, 0, 1},
	      {IN, "1.1.1.1", IPPROTO_ICMP, 9 << 8, 0, 0},
	      {IN, "1.1.1.1", IPPROTO_ICMP, 7 << 8 | 255, 0, 0},
	      {IN, "::1", IPPROTO_ICMPV6, 128 << 8, 0, 1},
	      {IN, "::1", IPPROTO_ICMPV6, 8 << 8, 0, 0},
	      {IN, "1.1.1.1", IPPROTO_ICMP, 3 << 8 | 4, 0, 2},
	      {IN, "1.1.1.1", IPPROTO_ICMP, 3 << 8 | 3, 0, 0},
	      {IN, "1.1.1.1", IPPROTO_ICMP, 3 << 8 | 5, 0, 0},
	      {IN, "1.1.1.1", IPPROTO_ICMP, 0xffff, 0, 3},
	      {IN, "1.1.1.1", IPPROTO_ICMP, 0xfffe, 0, 0}, {OUT, "1.1.1.1", IPPROTO_ICMP, 5, 0, 4},
	      {OUT, "1.1.1.1", IPPROTO_ICMPV6, 5, 0, 0});
}

static void source_ports_are_a_dimension_of_their_own(void **state)
{
	struct policy_case *test = *state;
	struct image_header header;

	compile_case(test, "<rule direction='in' action='allow'><tcp port='20-21' "
			   "source-port='1024-65535'/><udp port='53'/></rule>"
			   "<rule direction='in' action='allow'><udp source-port='53'/></rule>"
			   "<rule direction='in' action='allow'><tcp source-port='0'/>"
			   "<tcp source-port='65535'/></rule>");
	CHECK(test, {IN, "1.1.1.1", TCP, 20, 1024, 1}, {IN, "1.1.1.1", TCP, 20, 1023, 0},
	      {IN, "1.1.1.1", TCP, 21, 65535, 1}, {IN, "1.1.1.1", TCP, 22, 65535, 3},
	      {IN, "1.1.1.1", TCP, 22, 65534, 0}, {IN, "1.1.1.1", TCP, 22, 0, 3},
	      {IN, "1.1.1.1", TCP, 22, 1, 0}, {IN, "1.1.1.1", UDP, 53, 1, 1},
	      {IN, "1.1.1.1", UDP, 53, 53, 1}, {IN, "1.1.1.1", UDP, 54, 53, 2},
	      {IN, "1.1.1.1", UDP, 54, 54, 0}, {IN, "1.1.1.1", IPPROTO_SCTP, 20, 1024, 0});
	compile_case(test, "<rule direction='in' action='allow'><tcp port='80'/></rule>");
	memcpy(&header, &test->image->nodes[0], sizeof(header));
	assert_int_equal(header.source_count, 1);
}

static void every_protocol_number_can_be_named(void **state)
{
	struct policy_case *test = *state;

	compile_case(test, "<rule direction='in' action='allow'><protocol number='47'/></rule>"
			   "<rule direction='in' action='allow'><protocol number='6'/></rule>"
			   "<rule direction='in' action='allow'><protocol number='0'/>"
			   "<protocol number='255'/><sctp port='9'/><udplite/></rule>");
	CHECK(test, {IN, "1.1.1.1", 47, 0, 0, 1}, {IN, "1.1.1.1", 46, 0, 0, 0},
	      {IN, "1.1.1.1", 48, 0, 0, 0}, {IN, "1.1.1.1", TCP, 80, 0, 2},
	      {IN, "1.1.1.1", 0, 0, 0, 3}, {IN, "1.1.1.1", 255, 0, 0, 3},
	      {IN, "1.1.1.1", 254, 0, 0, 0}, {IN, "1.1.1.1", IPPROTO_SCTP, 9, 0, 3},
	      {IN, "1.1.1.1", IPPROTO_SCTP, 10, 0, 0}, {IN, "1.1.1.1", IPPROTO_UDPLITE, 10, 0, 3});
}

static void nested_prefixes_inherit(void **state)
{
	struct policy_case *test = *state;

	compile_case(test, "<rule direction='in' action='allow'><remote cidr='10.1.1.1'/>"
			   "<tcp port='1'/></rule>"
			   "<rule direction='in' action='allow'><remote cidr='10.1.1.0/24'/>"
			   "<tcp port='1-2'/></rule>"
			   "<rule direction='in' action='allow'><remote cidr='10.0.0.0/8'/>"
			   "<tcp port='1-3'/></rule>"
			   "<rule direction='in' action='deny'><tcp port='1-4'/></rule>");
	CHECK(test, {IN, "10.1.1.1", TCP, 1, 0, 1}, {IN, "10.1.1.1", TCP, 2, 0, 2},
	      {IN, "10.1.1.1", TCP, 3, 0, 3}, {IN, "10.1.1.1", TCP, 4, 0, 4},
	      {IN, "10.1.1.2", TCP, 1, 0, 2}, {IN, "10.1.2.1", TCP, 1, 0, 3},
	      {IN, "11.1.2.1", TCP, 1, 0, 4}, {IN, "11.1.2.1", TCP, 5, 0, 0});
}

/* With equal defaults nothing parts the directions: the classes at their border are one. */
static void directions_may_share_classes(void **state)
{
	struct policy_case *test = *state;

	compile_case(test, "<default in='deny' out='deny'/>"
			   "<rule direction='out' action='allow'><tcp port='80-90'/></rule>");
	CHECK(test, {IN, "1.1.1.1", 255, 65535, 0, 0}, {OUT, "1.1.1.1", 0, 0, 0, 0},
	      {OUT, "1.1.1.1", TCP, 79, 0, 0}, {OUT, "1.1.1.1", TCP, 80, 0, 1},
	      {OUT, "1.1.1.1", TCP, 91, 0, 0}, {IN, "1.1.1.1", TCP, 80, 0, 0});
}

/* A prefix whose halves are both named has no address of its own: its row must not be there. */
static void rows_without_addresses_are_left_out(void **state)
{
	struct policy_case *test = *state;
	struct image_header header;

	compile_case(test, "<rule direction='in' action='allow'><remote cidr='10.0.0.0/9'/></rule>"
			   "<rule direction='in' action='deny'><remote cidr='10.128.0.0/9'/></rule>"
			   "<rule direction='in' action='allow' log='yes'>"
			   "<remote cidr='10.0.0.0/8'/></rule>");
	memcpy(&header, &test->image->nodes[0], sizeof(header));
	assert_int_equal(header.row_count, 3);
	CHECK(test, {IN, "9.255.255.255", TCP, 1, 0, 0}, {IN, "10.0.0.0", TCP, 1, 0, 1},
	      {IN, "10.128.0.0", TCP, 1, 0, 2}, {IN, "11.0.0.0", TCP, 1, 0, 0});
}

static void equal_classes_are_merged(void **state)
{
	struct policy_case *test = *state;
	struct image_header header;

	/* Rule 2 never matches, so what it names is told apart by nothing. */
	compile_case(test, "<rule direction='inout' action='allow'/>"
			   "<rule direction='in' action='deny'><remote cidr='10.0.0.0/8'/>"
			   "<tcp port='80' source-port='1'/></rule>");
	memcpy(&header, &test->image->nodes[0], sizeof(header));
	assert_int_equal(header.row_count, 1);
	assert_int_equal(header.column_count, 1);
	assert_int_equal(header.source_count, 1);
	assert_int_equal(test->image->node_count, 2);
}

static void the_same_policy_gives_the_same_image(void **state)
{
	static const char content[] =
		"<rule direction='in' action='allow'><remote cidr='10.0.0.0/8'/>"
		"<remote cidr='2001:db8::/32'/><tcp port='80'/></rule>";
	struct policy_case *test = *state;
	struct image *first;

	compile_case(test, content);
	first = TAKE_PTR(test->image);
	compile_case(test, content);
	assert_true(images_equal(first, test->image));
	assert_int_equal(first->hash, test->image->hash);
	compile_case(test, "<rule direction='in' action='allow'><remote cidr='10.0.0.0/8'/>"
			   "<remote cidr='2001:db8::/32'/><tcp port='81'/></rule>");
	assert_false(images_equal(first, test->image));
	free_image(&first);
}

/* Rules of a program's making: `print` writes rule i of a policy. */
static int build_many(struct policy_case *test, size_t count, void (*print)(size_t i, FILE *stream))
{
	_cleanup_free_ char *xml = NULL;
	size_t size;
	FILE *stream = open_memstream(&xml, &size);

	assert_non_null(stream);
	fputs("<policy>", stream);
	for (size_t i = 0; i < count; i++)
		print(i, stream);
	fputs("</policy>", stream);
	assert_int_equal(fclose(stream), 0);
	return build_case(test, xml);
}

static void print_own_port_and_prefix(size_t i, FILE *stream)
{
	fprintf(stream,
		"<rule direction='in' action='allow'><remote cidr='10.%zu.%zu.0/24'/>"
		"<tcp port='%zu'/></rule>",
		i / 256, i % 256, i);
}

static void too_large_a_table_is_refused_with_the_numbers(void **state)
{
	struct policy_case *test = *state;

	assert_int_equal(build_many(test, 5000, print_own_port_and_prefix), -E2BIG);
	assert_string_equal(case_error(test),
			    "domain case:1: the 5000 rules divide services into 5002 classes, "
			    "source ports into 1, and 5000 prefixes of remote addresses into at "
			    "least 3355: the verdict table has at most 16777216 entries");
	assert_null(test->image);
	/* What a failed attempt leaves does not stand in the way. */
	assert_int_equal(build_many(test, 500, print_own_port_and_prefix), 0);
	CHECK(test, {IN, "10.1.243.7", TCP, 499, 0, 500}, {IN, "10.1.243.7", TCP, 498, 0, 0});
}

/* Distinct addresses, spread over the whole space by an odd multiplier; 200 services. */
#define MANY_RULES    9500U
#define MANY_SERVICES 200U

static uint32_t spread_address(uint32_t i)
{
	return i * 2654435761U;
}

static void print_own_address(size_t i, FILE *stream)
{
	uint32_t address = spread_address((uint32_t)i);

	fprintf(stream,
		"<rule direction='in' action='allow'><remote cidr='%u.%u.%u.%u'/>"
		"<tcp port='%zu'/></rule>",
		address >> 24, address >> 16 & 0xff, address >> 8 & 0xff, address & 0xff,
		1000 + i % MANY_SERVICES);
}

static void thousands_of_rules_each_decide_their_own(void **state)
{
	struct policy_case *test = *state;
	struct image_header header;

	assert_int_equal(build_many(test, MANY_RULES, print_own_address), 0);
	memcpy(&header, &test->image->nodes[0], sizeof(header));
	assert_int_equal(header.row_count, MANY_RULES + 1);
	assert_int_equal(header.column_count, MANY_SERVICES + 2); /* no service, and out */
	for (uint32_t i = 0; i < MANY_RULES; i++) {
		struct policy_query query =
			make_query(IN, "0.0.0.0", TCP, (uint16_t)(1000 + i % MANY_SERVICES));
		uint32_t address = htonl(spread_address(i));

		memcpy(query.remote + 12, &address, sizeof(address));
		assert_int_equal(look_up_verdict(test->image, &query), VERDICT_ALLOW | (i + 1));
		query.port++;
		assert_int_equal(look_up_verdict(test->image, &query), 0);
	}
}

/* The table just fits; with the tries before it the image does not. */
static void too_large_an_image_is_refused_with_the_numbers(void **state)
{
	struct policy_case *test = *state;

	assert_int_equal(build_many(test, 4094, print_own_port_and_prefix), -E2BIG);
	assert_string_equal(
		case_error(test),
		"domain case:1: the policy's image is too large: 4095 classes of remote addresses, "
		"4096 of services and 1 of source ports, with 279 trie nodes so far (at most "
		"1048576 nodes of 64 bytes)");
	assert_null(test->image);
}

static void too_many_rules_are_refused(void **state)
{
	char source[] = "domain many";
	struct effective_policy policy = {.rule_count = IMAGE_RULES_MAX + 1, .place = {source, 7}};
	struct image *image = NULL;
	struct diag diag = {0};

	(void)state;
	assert_int_equal(compile_image(&policy, &image, &diag), -E2BIG);
	assert_string_equal(diag_message(&diag),
			    "domain many:7: the policy has 65536 rules (at most 65535)");
	assert_null(image);
	clear_diag(&diag);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_test, close_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_rules_the_default_decides),
		TEST(verdicts_carry_what_the_rule_says),
		TEST(the_first_rule_that_matches_wins),
		TEST(ranges_end_where_they_say),
		TEST(prefixes_end_where_they_say),
		TEST(families_do_not_mix),
		TEST(empty_groups_and_sets_match_nothing),
		TEST(icmp_types_and_codes),
		TEST(source_ports_are_a_dimension_of_their_own),
		TEST(every_protocol_number_can_be_named),
		TEST(nested_prefixes_inherit),
		TEST(directions_may_share_classes),
		TEST(rows_without_addresses_are_left_out),
		TEST(equal_classes_are_merged),
		TEST(the_same_policy_gives_the_same_image),
		TEST(thousands_of_rules_each_decide_their_own),
		TEST(too_large_a_table_is_refused_with_the_numbers),
		TEST(too_large_an_image_is_refused_with_the_numbers),
		cmocka_unit_test(too_many_rules_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
