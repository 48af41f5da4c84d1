/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs between two policies or sets. */
#include "hostd/base/cleanup.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"
#include "hostd/policy/write/compare.h"
#include "tests/harness/policy_case.h"
#include "tests/harness/test.h"
#include "tests/harness/world.h"

#define POLICY(content)   "<policy xmlns='urn:vmseg:1' name='p'>\n" content "</policy>"
#define SET(content)      "<set xmlns='urn:vmseg:1' name='s'>" content "</set>"
#define RULE(id, content) "<rule id='" id "' direction='in' action='allow'>" content "</rule>\n"
#define PORT(number)      "<tcp port='" number "'/>"

struct side {
	struct policy *policy;
	struct address_set *set;
};

static struct side parse(const char *xml)
{
	struct side side = {0};

	if (!xml)
		return side;
	assert_int_equal(parse_policy_text(xml, strlen(xml), "test", &side.policy, &side.set, NULL),
			 0);
	return side;
}

static void free_side(struct side *side)
{
	free_policy(&side->policy);
	free_address_set(&side->set);
}

/* The first line of what an element says, without its angle brackets. */
static void print_head(FILE *stream, const char *text)
{
	if (text)
		fprintf(stream, " %.*s", (int)strcspn(text + 1, ">/"), text + 1);
}

/* A line each: kind, what, id and lines, and where they differ how the element begins. */
static char *describe(const struct changes *changes)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	for (size_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->items[i];

		fprintf(stream, "%s%s %s", change_names[change->kind],
			change->moved && change->kind == CHANGE_CHANGED ? "+moved" : "",
			change->what);
		if (change->id)
			fprintf(stream, " %s %d>%d", change->id, change->line_before,
				change->line_after);
		if (!change->id) {
			print_head(stream, change->before);
			print_head(stream, change->after);
		}
		fputc('\n', stream);
	}
	assert_int_equal(fclose(stream), 0);
	return text;
}

static void expect_changes(const char *before, const char *after, const char *expected)
{
	_cleanup_(free_side) struct side left = parse(before), right = parse(after);
	const struct policy_or_set from = {left.policy, left.set}, to = {right.policy, right.set};
	_cleanup_(free_changes) struct changes changes = {0};
	_cleanup_free_ char *text = NULL;

	assert_int_equal(compare_policies(&from, &to, &changes), 0);
	text = describe(&changes);
	assert_string_equal(text, expected);
}

static void what_is_the_same_is_no_change(void **state)
{
	expect_changes(POLICY(RULE("a", PORT("80"))), POLICY(RULE("a", PORT("80"))), "");
	/* How it is written does not matter. */
	expect_changes(POLICY("<!-- old -->" RULE("a", PORT("80"))),
		       POLICY("\n\n<rule action='allow' direction='in' id='a'><tcp port='80-80'/>"
			      "</rule>"),
		       "");
	expect_changes(SET("<cidr>10.0.0.0/8</cidr>"), SET("<cidr>10.0.0.0/8</cidr>"), "");
	expect_changes(NULL, NULL, "");
}

static void rules_go_by_their_ids(void **state)
{
	expect_changes(POLICY(RULE("a", PORT("80")) RULE("b", PORT("81")) RULE("c", PORT("82"))),
		       POLICY(RULE("a", PORT("80")) RULE("d", PORT("83")) RULE("c", PORT("84"))),
		       "removed rule b 3>0\nadded rule d 0>3\nchanged rule c 4>4\n");
	/* Another action, or only what it logs. */
	expect_changes(POLICY(RULE("a", "")),
		       POLICY("<rule id='a' direction='in' action='allow' log='yes'/>"),
		       "changed rule a 2>2\n");
}

static void rules_without_id_go_by_what_they_say(void **state)
{
	expect_changes(POLICY("<rule direction='in' action='allow'/>"
			      "<rule direction='in' action='allow'/>"
			      "<rule direction='out' action='deny'/>"),
		       POLICY("<rule direction='out' action='deny'/>"
			      "<rule direction='in' action='allow'/>"),
		       "removed rule rule direction=\"in\" action=\"allow\"\n"
		       "moved rule rule direction=\"out\" action=\"deny\""
		       " rule direction=\"out\" action=\"deny\"\n");
}

/* Order decides; the fewest rules that explain the new one are said to have moved. */
static void rules_may_move(void **state)
{
	expect_changes(POLICY(RULE("a", "") RULE("b", PORT("1")) RULE("c", PORT("2"))
				      RULE("d", PORT("3"))),
		       POLICY(RULE("b", PORT("1")) RULE("c", PORT("2")) RULE("d", PORT("3"))
				      RULE("a", "")),
		       "moved rule a 2>5\n");
	expect_changes(POLICY(RULE("a", "") RULE("b", PORT("1")) RULE("c", PORT("2"))),
		       POLICY(RULE("c", PORT("9")) RULE("a", "") RULE("b", PORT("1"))),
		       "changed+moved rule c 4>2\n");
	/* What is new or gone moves nobody. */
	expect_changes(POLICY(RULE("a", "") RULE("b", PORT("1"))),
		       POLICY(RULE("x", PORT("7")) RULE("y", PORT("8")) RULE("b", PORT("1"))),
		       "removed rule a 2>0\nadded rule x 0>2\nadded rule y 0>3\n");
}

static void settings_are_elements(void **state)
{
	expect_changes(POLICY("<default in='deny' out='allow'/><limits sessions='5'/>"),
		       POLICY("<description>new</description><default in='allow' out='allow'/>"
			      "<guards ip='off'/>"),
		       "removed limits limits sessions=\"5\"\n"
		       "added description description\n"
		       "changed default default in=\"deny\" out=\"allow\""
		       " default in=\"allow\" out=\"allow\"\n"
		       "added guards guards ip=\"off\"\n");
}

static void sets_have_prefixes(void **state)
{
	expect_changes(SET("<cidr>10.0.0.0/8</cidr><cidr>2001:db8::/32</cidr>"),
		       SET("<cidr>192.0.2.0/24</cidr><cidr>10.0.0.0/8</cidr>"),
		       "removed cidr cidr\nadded cidr cidr\n");
	expect_changes(NULL, SET("<cidr>10.0.0.0/8</cidr>"), "added cidr cidr\n");
}

static void a_policy_may_become_a_set(void **state)
{
	expect_changes(POLICY(RULE("a", "")), SET("<cidr>10.0.0.0/8</cidr>"),
		       "removed rule a 2>0\nadded cidr cidr\n");
}

/* Whatever two random policies say. */
static void changes_account_for_every_rule(void **state)
{
	struct random random = start_random();
	unsigned int rounds = random_rounds(200), changed = 0;

	for (unsigned int i = 0; i < rounds; i++) {
		struct policy_case test;
		struct world world;

		open_case(&test);
		make_world(&random, &test, &world);
		for (size_t j = 0; j + 1 < WORLD_POLICIES; j++) {
			const struct policy_or_set from = {.policy = world.policies[j]};
			const struct policy_or_set to = {.policy = world.policies[j + 1]};
			_cleanup_(free_changes) struct changes changes = {0};
			size_t added = 0, removed = 0;

			assert_int_equal(compare_policies(&from, &to, &changes), 0);
			for (size_t k = 0; k < changes.count; k++) {
				const struct change *change = &changes.items[k];

				if (strcmp(change->what, "rule") != 0)
					continue;
				added += change->kind == CHANGE_ADDED;
				removed += change->kind == CHANGE_REMOVED;
				assert_int_equal(!change->before, change->kind == CHANGE_ADDED);
				assert_int_equal(!change->after, change->kind == CHANGE_REMOVED);
				changed++;
			}
			assert_int_equal(from.policy->rule_count + added - removed,
					 to.policy->rule_count);
			free_changes(&changes);
			assert_int_equal(compare_policies(&from, &from, &changes), 0);
			assert_int_equal(changes.count, 0);
		}
		free_world(&world);
		close_case(&test);
	}
	assert_true(changed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_the_same_is_no_change),
		cmocka_unit_test(rules_go_by_their_ids),
		cmocka_unit_test(rules_without_id_go_by_what_they_say),
		cmocka_unit_test(rules_may_move),
		cmocka_unit_test(settings_are_elements),
		cmocka_unit_test(sets_have_prefixes),
		cmocka_unit_test(a_policy_may_become_a_set),
		cmocka_unit_test(changes_account_for_every_rule),
	};

	set_schema_path("build/vmseg.rng");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
