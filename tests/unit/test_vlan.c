// SPDX-License-Identifier: GPL-2.0-or-later
/* VLANs as text. */
#include "hostd/base/cleanup.h"
#include "hostd/base/vlan.h"
#include "tests/harness/test.h"

static void what_is_printed_is_read_back(void **state)
{
	static const struct {
		const char *text;
		uint32_t vlans;
	} cases[] = {
		{"1", 1 << 12},
		{"100", 100 << 12},
		{"4094", 4094 << 12},
		{"100.200", 100 << 12 | 200},
		{"4094.4094", 4094 << 12 | 4094},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[VLAN_TEXT_BYTES];
		uint32_t vlans;

		assert_true(parse_vlan(cases[i].text, &vlans));
		assert_int_equal(vlans, cases[i].vlans);
		assert_string_equal(format_vlan(vlans, text), cases[i].text);
	}
}

static void no_vlan_is_zero(void **state)
{
	char text[VLAN_TEXT_BYTES];
	uint32_t vlans = 7;

	(void)state;
	assert_true(parse_vlan("0", &vlans));
	assert_int_equal(vlans, 0);
	assert_string_equal(format_vlan(0, text), "");
}

static void what_is_no_vlan_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"a",
		"-1",
		"+1",
		" 1",
		"1 ",
		"4095",
		"00001",
		"0.1",
		"100.0",
		"100.",
		"100.4095",
		"1.2.3",
		"1,2",
		".1",
		"0x10",
		"99999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		uint32_t vlans = 7;

		assert_false(parse_vlan(texts[i], &vlans));
		assert_int_equal(vlans, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_is_read_back),
		cmocka_unit_test(no_vlan_is_zero),
		cmocka_unit_test(what_is_no_vlan_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
