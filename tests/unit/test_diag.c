/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagnoses: the first error stays, warnings keep their order, places are written in one form. */
#include "hostd/base/diag.h"
#include "tests/harness/test.h"

static void the_first_error_stays(void **state)
{
	struct diag diag = {0};

	(void)state;
	assert_string_equal(diag_message(&diag), "");
	assert_int_equal((fail)(&diag, EINVAL, "web.xml", 3, "port %d", 1), -EINVAL);
	assert_int_equal((fail)(&diag, ENOENT, "web.xml", 4, "port %d", 2), -ENOENT);
	assert_string_equal(diag_message(&diag), "web.xml:3: port 1");
	clear_diag(&diag);
	assert_null(diag.error.text);
	(fail)(&diag, EINVAL, NULL, 0, "again");
	assert_string_equal(diag_message(&diag), "again");
	clear_diag(&diag);
}

static void unknown_parts_of_a_place_are_left_out(void **state)
{
	struct diag diag = {0};

	(void)state;
	(fail)(&diag, EINVAL, "domain web", 0, "bad");
	assert_string_equal(diag_message(&diag), "domain web: bad");
	clear_diag(&diag);
	(fail)(&diag, EINVAL, NULL, 7, "bad");
	assert_string_equal(diag_message(&diag), "bad");
	clear_diag(&diag);
}

static void memory_that_runs_out_is_an_error_at_the_place(void **state)
{
	struct diag diag = {0};

	(void)state;
	assert_int_equal(fail_memory(&diag, "web.xml"), -ENOMEM);
	assert_string_equal(diag_message(&diag), "web.xml: out of memory");
	clear_diag(&diag);
	assert_int_equal(fail_memory(NULL, NULL), -ENOMEM);
}

static void warnings_keep_their_order(void **state)
{
	struct diag diag = {0};

	(void)state;
	warn(&diag, "a.xml", 1, "first");
	warn(&diag, "a.xml", 2, "second");
	assert_int_equal(diag.warning_count, 2);
	assert_string_equal(diag.warnings[0].text, "first");
	assert_string_equal(diag.warnings[1].where, "a.xml:2");
	assert_null(diag.error.text);
	clear_diag(&diag);
	assert_int_equal(diag.warning_count, 0);
}

static void callers_may_not_want_a_diagnosis(void **state)
{
	(void)state;
	assert_int_equal((fail)(NULL, EPERM, "a.xml", 1, "x"), -EPERM);
	warn(NULL, "a.xml", 1, "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_error_stays),
		cmocka_unit_test(unknown_parts_of_a_place_are_left_out),
		cmocka_unit_test(memory_that_runs_out_is_an_error_at_the_place),
		cmocka_unit_test(warnings_keep_their_order),
		cmocka_unit_test(callers_may_not_want_a_diagnosis),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
