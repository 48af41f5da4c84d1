/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Port domains: what is written is what domain and policy parsers read. */
#include "hostd/base/address.h"
#include "hostd/base/cleanup.h"
#include "hostd/domain/domain.h"
#include "hostd/domain/domain_xml.h"
#include "hostd/domain/port_description.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"
#include "tests/harness/test.h"

#define UUID "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"

static const char *const policies[] = {"base", "web-server"};
static const char *const addresses[] = {"10.0.0.7", "2001:db8::/64"};
static const char *const groups[] = {"web"};

static int name_schema(void **state)
{
	(void)state;
	set_schema_path("build/vmseg.rng");
	return 0;
}

static struct port_description describe(const char *device)
{
	struct port_description description = {
		.device = device,
		.policies = policies,
		.policy_count = ARRAY_SIZE(policies),
		.addresses = addresses,
		.address_count = ARRAY_SIZE(addresses),
		.groups = groups,
		.group_count = ARRAY_SIZE(groups),
	};

	assert_true(parse_mac("52:54:00:00:00:07", description.mac));
	return description;
}

static struct domain *read_back(const struct port_description *description)
{
	_cleanup_free_ char *xml = NULL;
	struct domain *domain = NULL;

	assert_int_equal(write_port_domain(description, UUID, &xml), 0);
	assert_int_equal(parse_domain(xml, strlen(xml), &domain, NULL), 0);
	return domain;
}

static struct domain_policy *read_metadata(const struct domain *domain)
{
	struct domain_policy *policy = NULL;

	assert_non_null(domain->metadata);
	assert_int_equal(parse_domain_policy(domain->metadata, strlen(domain->metadata), "test", 1,
					     &policy, NULL),
			 0);
	return policy;
}

static void it_is_a_domain_with_one_interface(void **state)
{
	struct port_description description = describe("tap7");
	_cleanup_(free_domain) struct domain *domain = read_back(&description);

	(void)state;
	assert_true(is_port_domain(domain));
	assert_string_equal(domain->name, "tap7");
	assert_string_equal(domain->uuid, UUID);
	assert_int_equal(domain->interface_count, 1);
	assert_int_equal(domain->interfaces[0].kind, INTERFACE_TAP);
	assert_string_equal(domain->interfaces[0].target, "tap7");
	assert_memory_equal(domain->interfaces[0].mac, description.mac, MAC_BYTES);
}

static void its_metadata_says_all_that_was_said(void **state)
{
	struct port_description description = describe("tap7");
	_cleanup_(free_domain) struct domain *domain = read_back(&description);
	_cleanup_(free_domain_policy) struct domain_policy *policy = read_metadata(domain);
	const struct interface_policy *nic = policy->interfaces;
	char text[PREFIX_TEXT_BYTES];

	(void)state;
	assert_int_equal(policy->policy_count, 2);
	assert_string_equal(policy->policies[0].ref, "base");
	assert_string_equal(policy->policies[1].ref, "web-server");
	assert_int_equal(policy->group_count, 1);
	assert_string_equal(policy->groups[0], "web");
	assert_int_equal(policy->interface_count, 1);
	assert_memory_equal(nic->mac, description.mac, MAC_BYTES);
	assert_int_equal(nic->address_count, 2);
	assert_string_equal(format_prefix(&nic->addresses[0], text), "10.0.0.7");
	assert_string_equal(format_prefix(&nic->addresses[1], text), "2001:db8::/64");
}

static void no_text_breaks_out(void **state)
{
	struct port_description description = describe("a<b>&\"'c");
	_cleanup_(free_domain) struct domain *domain = read_back(&description);

	(void)state;
	assert_string_equal(domain->name, "a<b>&\"'c");
	assert_string_equal(domain->interfaces[0].target, "a<b>&\"'c");
}

static void what_is_not_utf8_is_refused(void **state)
{
	struct port_description description = describe("tap\xff");
	char *xml = NULL;

	(void)state;
	assert_int_equal(write_port_domain(&description, UUID, &xml), -EINVAL);
	assert_null(xml);
}

static void libvirts_domains_are_none(void **state)
{
	static const char xml[] =
		"<domain type='kvm'><name>web</name><uuid>" UUID "</uuid></domain>";
	_cleanup_(free_domain) struct domain *domain = NULL;

	(void)state;
	assert_int_equal(parse_domain(xml, strlen(xml), &domain, NULL), 0);
	assert_false(is_port_domain(domain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_a_domain_with_one_interface),
		cmocka_unit_test(its_metadata_says_all_that_was_said),
		cmocka_unit_test(no_text_breaks_out),
		cmocka_unit_test(what_is_not_utf8_is_refused),
		cmocka_unit_test(libvirts_domains_are_none),
	};

	return cmocka_run_group_tests(tests, name_schema, NULL);
}
