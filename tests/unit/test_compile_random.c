/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random policies, written, parsed, resolved and compiled, against a plain first-match judgement of
 * the same policies: they must agree on every packet. */
#include <inttypes.h>

#include "hostd/policy/write/print.h"
#include "tests/harness/test.h"
#include "tests/harness/world.h"

#define WORLDS  400
#define QUERIES 8000

static struct random random_state;

/* Prints the world that an image and the plain judgement disagree on. */
static void report(const struct world *world, const struct policy_case *test,
		   const struct policy_query *query, uint32_t cell, uint32_t expected)
{
	char text[PREFIX_TEXT_BYTES];

	if (world->mandatory)
		print_policy(world->mandatory, stderr);
	print_domain_policy(world->domain, stderr);
	for (size_t i = 0; i < WORLD_POLICIES; i++)
		print_policy(world->policies[i], stderr);
	for (size_t i = 0; i < WORLD_SETS; i++)
		print_address_set(world->sets[i], stderr);
	for (size_t i = 0; i < test->group_count; i++) {
		fprintf(stderr, "group %s:", test->groups[i].name);
		for (size_t j = 0; j < test->groups[i].count; j++)
			fprintf(stderr, " %s", format_prefix(&test->groups[i].members[j], text));
		fputc('\n', stderr);
	}
	print_image(test->image, stderr);
	fail_msg("direction %u, remote %s, protocol %u, port %u, source port %u: 0x%" PRIx32
		 ", not 0x%" PRIx32,
		 query->direction, format_address(query->remote, text), query->protocol,
		 query->port, query->source_port, cell, expected);
}

static void images_judge_as_the_rules_say(void **state)
{
	unsigned int worlds = random_rounds(WORLDS);
	uint64_t by_rule = 0;

	(void)state;
	for (unsigned int i = 0; i < worlds; i++) {
		struct policy_case test;
		struct world world;

		open_case(&test);
		make_world(&random_state, &test, &world);
		build_world(&world, &test);
		for (unsigned int j = 0; j < QUERIES; j++) {
			struct policy_query query = make_world_query(&random_state, &world, &test);
			uint32_t expected = judge_world(&world, &test, &query);
			uint32_t cell = look_up_verdict(test.image, &query);

			if (cell != expected)
				report(&world, &test, &query, cell, expected);
			by_rule += (cell & VERDICT_RULE_MASK) != 0;
		}
		free_world(&world);
		close_case(&test);
	}
	printf("%u policies, %u packets, %" PRIu64 " of them decided by a rule\n", worlds,
	       worlds * QUERIES, by_rule);
	/* Packets that no rule knows would prove little. */
	assert_true(by_rule > (uint64_t)worlds * QUERIES / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_judge_as_the_rules_say),
	};

	random_state = start_random();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
