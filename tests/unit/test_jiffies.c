/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's tick: its rate, and time between two stamps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hostd/datapath/jiffies.h"

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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rate_is_one_that_kernels_have),
		cmocka_unit_test(time_passes_across_the_wrap),
		cmocka_unit_test(another_cpu_may_be_ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
