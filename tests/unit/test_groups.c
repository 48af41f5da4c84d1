/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Groups: whose addresses are in, and when one has changed. */
#include "hostd/base/cleanup.h"
#include "hostd/enforce/inventory/groups.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"
#include "tests/harness/test.h"

static const struct domain_description {
	const char *uuid, *metadata, *macs[2];
} web =
	{
		"web",
		"<domain xmlns='urn:vmseg:1'><group name='web'/><group name='all'/>"
		"<interface mac='52:54:00:00:00:01'><address ip='10.0.0.7'/><address "
		"ip='10.0.0.5'/>"
		"</interface>"
		"<interface mac='52:54:00:00:00:99'><address ip='10.0.0.99'/></interface></domain>",
		{"52:54:00:00:00:01"},
},
  db = {
	  "db",
	  "<domain xmlns='urn:vmseg:1'><group name='all'/>"
	  "<interface mac='52:54:00:00:00:02'><address ip='10.0.0.5'/><address ip='2001:db8::/64'/>"
	  "</interface></domain>",
	  {"52:54:00:00:00:02"},
};

static struct managed_domain *add_domain(struct managed_domain **table,
					 const struct domain_description *description)
{
	struct managed_domain *managed = calloc(1, sizeof(*managed));
	struct domain *domain = calloc(1, sizeof(*domain));

	assert_non_null(managed);
	assert_non_null(domain);
	domain->name = strdup(description->uuid);
	domain->driver = strdup("qemu");
	strcpy(domain->uuid, description->uuid);
	domain->interfaces = calloc(2, sizeof(*domain->interfaces));
	for (size_t i = 0; i < 2 && description->macs[i]; i++)
		assert_true(parse_mac(description->macs[i],
				      domain->interfaces[domain->interface_count++].mac));
	managed->domain = domain;
	assert_int_equal(parse_domain_policy(description->metadata, strlen(description->metadata),
					     "test", 1, &managed->policy, NULL),
			 0);
	HASH_ADD_KEYPTR(hh, *table, domain->uuid, strlen(domain->uuid), managed);
	return managed;
}

static void remove_domain(struct managed_domain **table, struct managed_domain *managed)
{
	HASH_DEL(*table, managed);
	free_domain(&managed->domain);
	free_domain_policy(&managed->policy);
	free(managed);
}

static struct groups *build(const struct managed_domain *table)
{
	struct groups *groups = NULL;

	assert_int_equal(build_groups(table, &groups), 0);
	return groups;
}

static void expect_members(const struct groups *groups, const char *name, const char *expected)
{
	const struct prefix *members = NULL;
	size_t count = group_members(groups, name, &members);
	char text[256] = "", one[PREFIX_TEXT_BYTES];

	for (size_t i = 0; i < count; i++) {
		strcat(text, i ? " " : "");
		strcat(text, format_prefix(&members[i], one));
	}
	assert_string_equal(text, expected);
}

static void members_are_sorted_and_single(void **state)
{
	struct managed_domain *table = NULL, *a = add_domain(&table, &web),
			      *b = add_domain(&table, &db);
	struct groups *groups = build(table);

	(void)state;
	/* 10.0.0.99 belongs to a NIC that the domain does not have (any more). */
	expect_members(groups, "web", "10.0.0.5 10.0.0.7");
	expect_members(groups, "all", "10.0.0.5 10.0.0.7 2001:db8::/64");
	expect_members(groups, "none", "");
	free_groups(&groups);
	remove_domain(&table, a);
	remove_domain(&table, b);
}

static void a_change_is_seen_where_it_is(void **state)
{
	struct managed_domain *table = NULL, *a = add_domain(&table, &web), *b;
	struct groups *before = build(table), *after;

	(void)state;
	b = add_domain(&table, &db);
	after = build(table);
	assert_false(group_differs(before, after, "web"));
	assert_true(group_differs(before, after, "all"));
	assert_false(group_differs(before, after, "none"));
	assert_true(group_differs(NULL, after, "web"));
	assert_false(group_differs(NULL, NULL, "web"));
	free_groups(&before);
	free_groups(&after);

	/* Without its last domain a group is empty, not gone or kept. */
	before = build(table);
	remove_domain(&table, a);
	after = build(table);
	expect_members(after, "web", "");
	assert_true(group_differs(before, after, "web"));
	free_groups(&before);
	free_groups(&after);
	remove_domain(&table, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_sorted_and_single),
		cmocka_unit_test(a_change_is_seen_where_it_is),
	};

	set_schema_path("build/vmseg.rng");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
