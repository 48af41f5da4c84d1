/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON as text: whole or not at all, whichever allocation fails.
 */
#include "hostd/base/cleanup.h"
#include "hostd/base/json_whole.h"
#include "tests/harness/test.h"

static unsigned allocations, failing;

/* By the linker's --wrap: the failing-th allocation from when `failing` was set gets nothing. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return failing && ++allocations == failing ? NULL : __real_malloc(size);
}

static void fail_allocation(unsigned number)
{
	allocations = 0;
	failing = number;
}

static json_t *make_value(void)
{
	json_t *value = json_object(), *list = json_array();
	char key[32];

	for (int i = 0; i < 60; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		json_object_set_new(value, key, json_integer(i));
		json_array_append_new(
			list,
			json_string(
				"a \"long\" text \n, of which the reader makes several copies"));
	}
	json_object_set_new(value, "list", list);
	return value;
}

static void text_reads_back_as_the_value(void **state)
{
	json_t *value = make_value(), *again = NULL;
	json_error_t error;
	_cleanup_free_ char *text = format_json(value, JSON_COMPACT);

	assert_non_null(text);
	assert_int_equal(parse_json(text, strlen(text), &again, &error), 0);
	assert_true(json_equal(value, again));
	json_decref(again);
	json_decref(value);
}

static void text_is_whole_or_not_there_when_memory_is_short(void **state)
{
	json_t *value = make_value();
	_cleanup_free_ char *whole = format_json(value, JSON_INDENT(1));
	unsigned refused = 0;
	bool met = true;

	assert_non_null(whole);
	for (unsigned n = 1; met; n++) {
		_cleanup_free_ char *text = NULL;

		fail_allocation(n);
		text = format_json(value, JSON_INDENT(1));
		met = allocations >= n;
		fail_allocation(0);
		refused += !text;
		if (text)
			assert_string_equal(text, whole);
	}
	assert_true(refused > 0);
	json_decref(value);
}

static void value_is_whole_or_not_there_when_memory_is_short(void **state)
{
	json_t *value = make_value();
	_cleanup_free_ char *text = format_json(value, JSON_COMPACT);
	unsigned refused = 0;
	bool met = true;

	for (unsigned n = 1; met; n++) {
		json_error_t error;
		json_t *read = NULL;
		int r;

		fail_allocation(n);
		r = parse_json(text, strlen(text), &read, &error);
		met = allocations >= n;
		fail_allocation(0);
		assert_true(r == (met ? -ENOMEM : 0));
		refused += r < 0;
		if (r == 0)
			assert_true(json_equal(read, value));
		json_decref(read);
	}
	assert_true(refused > 100);
	json_decref(value);
}

static void failures_are_counted(void **state)
{
	unsigned long before = count_json_failures();
	json_t *value;

	fail_allocation(1);
	value = json_object();
	fail_allocation(0);
	assert_null(value);
	assert_int_equal(count_json_failures(), before + 1);
}

static void what_is_no_value_has_no_text(void **state)
{
	assert_null(format_json(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_reads_back_as_the_value),
		cmocka_unit_test(text_is_whole_or_not_there_when_memory_is_short),
		cmocka_unit_test(value_is_whole_or_not_there_when_memory_is_short),
		cmocka_unit_test(failures_are_counted),
		cmocka_unit_test(what_is_no_value_has_no_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
