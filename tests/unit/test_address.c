/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, prefixes and MACs: what is taken, what is refused and with which words. */
#include "hostd/base/address.h"
#include "hostd/base/cleanup.h"
#include "tests/harness/test.h"

static struct prefix make_prefix(const char *text)
{
	struct prefix prefix;

	assert_int_equal(parse_prefix(text, &prefix), PREFIX_OK);
	return prefix;
}

static void prefixes_are_written_in_shortest_form(void **state)
{
	static const char *const cases[][2] = {
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"10.0.0.5", "10.0.0.5"},
		{"10.0.0.5/32", "10.0.0.5"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"255.255.255.255", "255.255.255.255"},
		{"::/0", "::/0"},
		{"::", "::"},
		{"::1/128", "::1"},
		{"2001:DB8:0:0::/32", "2001:db8::/32"},
		{"fe80::1:0:0:0/80", "fe80::1:0:0:0/80"},
		{"8000::/1", "8000::/1"},
		{"::fffe:0:0/95", "::fffe:0:0/95"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct prefix prefix = make_prefix(cases[i][0]);
		char text[PREFIX_TEXT_BYTES];

		assert_string_equal(format_prefix(&prefix, text), cases[i][1]);
	}
}

static void ipv4_is_counted_in_sixteen_bytes(void **state)
{
	static const uint8_t expected[ADDRESS_BYTES] = {[10] = 0xff, [11] = 0xff, [12] = 10};
	struct prefix prefix = make_prefix("10.0.0.0/8");

	(void)state;
	assert_memory_equal(prefix.address, expected, sizeof(expected));
	assert_int_equal(prefix.bits, 104);
	assert_true(is_ipv4(prefix.address));
	assert_false(is_ipv4(make_prefix("2001:db8::").address));
}

static void bad_prefixes_say_what_is_wrong(void **state)
{
	static const struct {
		const char *text;
		enum prefix_fault fault;
		const char *description;
	} cases[] = {
		{"", PREFIX_NOT_AN_ADDRESS, "it is neither an IPv4 nor an IPv6 address"},
		{"10.0.0", PREFIX_NOT_AN_ADDRESS, "it is neither an IPv4 nor an IPv6 address"},
		{"10.0.0.256", PREFIX_NOT_AN_ADDRESS, "it is neither an IPv4 nor an IPv6 address"},
		{"10.0.0.1 ", PREFIX_NOT_AN_ADDRESS, "it is neither an IPv4 nor an IPv6 address"},
		{"fe80::1%eth0", PREFIX_NOT_AN_ADDRESS,
		 "it is neither an IPv4 nor an IPv6 address"},
		{"/8", PREFIX_NOT_AN_ADDRESS, "it is neither an IPv4 nor an IPv6 address"},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc",
		 PREFIX_NOT_AN_ADDRESS, "it is neither an IPv4 nor an IPv6 address"},
		{"10.0.0.0/33", PREFIX_BAD_LENGTH,
		 "the prefix length must be a number from 0 to 32"},
		{"10.0.0.0/", PREFIX_BAD_LENGTH, "the prefix length must be a number from 0 to 32"},
		{"10.0.0.0/08", PREFIX_BAD_LENGTH,
		 "the prefix length must be a number from 0 to 32"},
		{"10.0.0.0/-1", PREFIX_BAD_LENGTH,
		 "the prefix length must be a number from 0 to 32"},
		{"10.0.0.0/8/8", PREFIX_BAD_LENGTH,
		 "the prefix length must be a number from 0 to 32"},
		{"10.0.0.0/255.0.0.0", PREFIX_BAD_LENGTH,
		 "the prefix length must be a number from 0 to 32"},
		{"::/129", PREFIX_BAD_LENGTH, "the prefix length must be a number from 0 to 128"},
		{"::/4294967296", PREFIX_BAD_LENGTH,
		 "the prefix length must be a number from 0 to 128"},
		{"10.0.0.1/8", PREFIX_HOST_BITS, "host bits are set (did you mean 10.0.0.0/8?)"},
		{"10.0.0.1/31", PREFIX_HOST_BITS, "host bits are set (did you mean 10.0.0.0/31?)"},
		{"1.2.3.4/0", PREFIX_HOST_BITS, "host bits are set (did you mean 0.0.0.0/0?)"},
		{"2001:db8::1/64", PREFIX_HOST_BITS,
		 "host bits are set (did you mean 2001:db8::/64?)"},
		{"::ffff:10.0.0.1", PREFIX_MAPPED, "write the IPv4 address as 10.0.0.1"},
		{"::ffff:a00:0/120", PREFIX_MAPPED, "write the IPv4 address in dotted form"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct prefix prefix, untouched;
		char text[128];

		memset(&prefix, 0x5a, sizeof(prefix));
		untouched = prefix;
		assert_int_equal(parse_prefix(cases[i].text, &prefix), cases[i].fault);
		assert_memory_equal(&prefix, &untouched, sizeof(prefix));
		describe_prefix_fault(cases[i].fault, cases[i].text, text, sizeof(text));
		assert_string_equal(text, cases[i].description);
	}
}

static void prefixes_contain_their_own_family_only(void **state)
{
	static const struct {
		const char *prefix, *address;
		bool inside;
	} cases[] = {
		{"10.0.0.0/8", "10.255.255.255", true},
		{"10.0.0.0/8", "11.0.0.0", false},
		{"10.0.0.0/8", "9.255.255.255", false},
		{"10.0.0.5", "10.0.0.5", true},
		{"10.0.0.5", "10.0.0.4", false},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "::1", true},
		{"::/0", "10.0.0.1", false},
		{"::fffe:0:0/95", "10.0.0.1", false},
		{"2001:db8::/33", "2001:db8:7fff::", true},
		{"2001:db8::/33", "2001:db8:8000::", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct prefix prefix = make_prefix(cases[i].prefix);
		struct prefix address = make_prefix(cases[i].address);

		assert_int_equal(prefix_contains(&prefix, address.address), cases[i].inside);
	}
}

static void prefixes_sort_by_address_then_length(void **state)
{
	static const char *const expected[] = {"::/0",     "10.0.0.0/8", "10.0.0.0/16",
					       "10.0.0.0", "10.0.0.1",   "2001:db8::/32"};
	struct prefix prefixes[ARRAY_SIZE(expected)];
	char text[PREFIX_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		prefixes[i] = make_prefix(expected[ARRAY_SIZE(expected) - 1 - i]);
	qsort(prefixes, ARRAY_SIZE(prefixes), sizeof(prefixes[0]), compare_prefixes);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_string_equal(format_prefix(&prefixes[i], text), expected[i]);
}

static void macs_are_strict(void **state)
{
	static const char *const bad[] = {
		"",
		"52:54:00:ab:cd",
		"52:54:00:ab:cd:ef:01",
		"52-54-00-ab-cd-ef",
		"52:54:00:ab:cd:eg",
		"5254.00ab.cdef",
		"01:00:5e:00:00:01",
		"52:54:00:ab:cd:ef ",
		"52:54:00:ab:cd:e",
	};
	static const uint8_t expected[MAC_BYTES] = {0x52, 0x54, 0x00, 0xab, 0xcd, 0xef};
	uint8_t mac[MAC_BYTES] = {0};
	char text[MAC_TEXT_BYTES];

	(void)state;
	assert_true(parse_mac("52:54:00:AB:cd:eF", mac));
	assert_memory_equal(mac, expected, sizeof(mac));
	assert_string_equal(format_mac(mac, text), "52:54:00:ab:cd:ef");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(parse_mac(bad[i], mac));
	assert_memory_equal(mac, expected, sizeof(mac));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_are_written_in_shortest_form),
		cmocka_unit_test(ipv4_is_counted_in_sixteen_bytes),
		cmocka_unit_test(bad_prefixes_say_what_is_wrong),
		cmocka_unit_test(prefixes_contain_their_own_family_only),
		cmocka_unit_test(prefixes_sort_by_address_then_length),
		cmocka_unit_test(macs_are_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
