/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of reasons and states: every number has one, each is different, others are "?".
 */
#include "bpf/abi.h"
#include "hostd/datapath/queries/names.h"
#include "tests/harness/test.h"

static void every_reason_has_its_own_name(void **state)
{
	for (uint8_t i = 0; i < REASON_COUNT; i++) {
		assert_true(is_reason(i) == (i < REASON_UNGUARDED_COUNT || i >= REASONS_OF_GUARDS));
		if (!is_reason(i)) {
			assert_string_equal(reason_name(i), "?");
			continue;
		}
		assert_true(strlen(reason_help(i)) > 10);
		for (uint8_t j = 0; j < i; j++)
			assert_string_not_equal(reason_name(i), reason_name(j));
	}
	assert_string_equal(reason_name(REASON_SESSION_LIMIT), "session-limit");
	assert_string_equal(reason_name(REASON_GUARD_DHCP_SERVER), "guard-dhcp-server");
	assert_string_equal(reason_name(REASON_COUNT), "?");
	assert_string_equal(reason_help(255), "?");
}

static void every_state_has_its_own_name(void **state)
{
	for (uint8_t i = 0; i < STATE_COUNT; i++)
		for (uint8_t j = 0; j < i; j++)
			assert_string_not_equal(state_name(i), state_name(j));
	assert_string_equal(state_name(STATE_TIME_WAIT), "time-wait");
	assert_string_equal(state_name(STATE_COUNT), "?");
}

static void only_passing_reasons_pass(void **state)
{
	assert_true(reason_passes(REASON_ESTABLISHED));
	assert_true(reason_passes(REASON_OTHER_ETHERTYPES));
	assert_false(reason_passes(REASON_NO_PORT));
	assert_false(reason_passes(REASON_IMAGE));
	assert_false(reason_passes(REASON_COUNT));
	assert_false(reason_passes(255));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_its_own_name),
		cmocka_unit_test(every_state_has_its_own_name),
		cmocka_unit_test(only_passing_reasons_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
