/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's tick: its rate, and time between two stamps.
 */
#include "bpf/abi.h"
#include "hostd/datapath/objects/jiffies.h"
#include "tests/harness/test.h"

/* kernel/Kconfig.hz has these and no other. */
static void the_rate_is_one_that_kernels_have(void **state)
{
	uint32_t hz = read_hz();

	assert_true(hz == 100 || hz == 250 || hz == 300 || hz == 1000);
}

static void time_passes_across_the_wrap(void **state)
{
	assert_int_equal(jiffies_between(100, 100), 0);
	assert_int_equal(jiffies_between(100, 350), 250);
	assert_int_equal(jiffies_between(UINT32_MAX - 9, 10), 20);
}

static void another_cpu_may_be_ahead(void **state)
{
	assert_int_equal(jiffies_between(101, 100), 0);
	assert_int_equal(jiffies_between(5, UINT32_MAX), 0);
	assert_int_equal(jiffies_between(100 + STAMP_AHEAD_MAX, 100), 0);
}

/* What was stamped weeks ago is old, not new: nobody may have swept it meanwhile. */
static void half_of_the_clock_is_not_the_future(void **state)
{
	assert_int_equal(jiffies_between(100, 100 + (1U << 31)), 1U << 31);
	assert_int_equal(jiffies_between(100, 101 + (1U << 31)), (1U << 31) + 1);
	assert_int_equal(jiffies_between(101 + STAMP_AHEAD_MAX, 100), UINT32_MAX - STAMP_AHEAD_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rate_is_one_that_kernels_have),
		cmocka_unit_test(time_passes_across_the_wrap),
		cmocka_unit_test(half_of_the_clock_is_not_the_future),
		cmocka_unit_test(another_cpu_may_be_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
