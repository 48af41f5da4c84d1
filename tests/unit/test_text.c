/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text from outside: what is a character, where text may be cut, how it is shown. */
#include "hostd/base/cleanup.h"
#include "hostd/base/diag.h"
#include "hostd/base/json_text.h"
#include "hostd/base/text.h"
#include "tests/harness/test.h"

static void characters_are_those_of_the_rfc(void **state)
{
	static const struct {
		const char *text;
		size_t bytes;
	} cases[] = {
		{"a", 1},
		{"\x7f", 1},
		{"\x80", 0},
		{"\xc1\xbf", 0},
		{"\xc2\x80", 2},
		{"\xdf\xbf", 2},
		{"\xc3", 0},
		{"\xc3\x28", 0},
		{"\xe0\x9f\xbf", 0},
		{"\xe0\xa0\x80", 3},
		{"\xe2\x82", 0},
		{"\xed\x9f\xbf", 3},
		{"\xed\xa0\x80", 0}, /* a surrogate */
		{"\xef\xbf\xbf", 3},
		{"\xf0\x8f\xbf\xbf", 0},
		{"\xf0\x90\x80\x80", 4},
		{"\xf4\x8f\xbf\xbf", 4},
		{"\xf4\x90\x80\x80", 0},
		{"\xf5\x80\x80\x80", 0},
		{"\xff", 0},
		{"", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(character_bytes(cases[i].text, strlen(cases[i].text)),
				 cases[i].bytes);
	assert_int_equal(utf8_bytes("a\xc3\xa9\xff", 4), 3);
	assert_int_equal(utf8_bytes("a\xc3\xa9", 2), 1);
	assert_int_equal(utf8_bytes("", 0), 0);
}

static void text_ends_at_a_character(void **state)
{
	/* A character of each length. */
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa7";
	static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		char cut[sizeof(text)];

		memcpy(cut, text, i);
		cut[i] = '\0';
		assert_int_equal(strlen(end_at_character(cut)), expected[i]);
	}
}

/* A document may quote a name of any length. */
static void messages_are_cut_at_a_character(void **state)
{
	static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac",
						 "\xf0\x9f\x90\xa7"};
	char name[2 * DIAG_TEXT_MAX];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		for (size_t i = 0; i < ARRAY_SIZE(characters); i++) {
			_cleanup_(clear_diag) struct diag diag = {0};
			size_t bytes = strlen(characters[i]), used = shift;

			memset(name, 'x', shift);
			for (; used + bytes < sizeof(name); used += bytes)
				memcpy(name + used, characters[i], bytes);
			name[used] = '\0';
			(fail)(&diag, 1, name, 3, "%s", name);
			assert_int_equal(strlen(diag.error.text),
					 DIAG_TEXT_MAX - (DIAG_TEXT_MAX - shift) % bytes);
			assert_int_equal(strlen(diag.error.where), strlen(diag.error.text));
			assert_int_equal(strlen(diag_message(&diag)),
					 2 * strlen(diag.error.text) + 2);
		}
	}
}

static void what_cannot_be_shown_is_escaped(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{"", ""},
		{"web-1 \xc3\xbc\xf0\x9f\x90\xa7 \"\\", "web-1 \xc3\xbc\xf0\x9f\x90\xa7 \"\\"},
		{"a\nb\tc\x1b[31m\x7f", "a\\x0ab\\x09c\\x1b[31m\\x7f"},
		{"\xc2\x9b"
		 "31m\xc2\xa0",
		 "\\xc2\\x9b31m\xc2\xa0"},
		{"\xe2\x80\xae"
		 "gnp\xe2\x80\xac\xe2\x81\xa6\xe2\x80\xa8",
		 "\\xe2\\x80\\xaegnp\\xe2\\x80\\xac\\xe2\\x81\\xa6\\xe2\\x80\\xa8"},
		{"\xff\xc3", "\\xff\\xc3"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *shown = escape_text(cases[i].text);

		assert_string_equal(shown, cases[i].shown);
	}
}

/* What JSON has no string for must not take what it belongs to with it. */
static void texts_become_json(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"", ""},
		{"w\xc3\xa9 \x1b", "w\xc3\xa9 \x1b"},
		{"\xff-\xc3", "?-?"},
		{"\xe2\x82\xe2\x82\xac\xed\xa0\x80", "??\xe2\x82\xac???"},
	};
	json_t *none = json_text(NULL);

	(void)state;
	assert_true(json_is_null(none));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *value = json_text(cases[i].text);

		assert_non_null(value);
		assert_string_equal(json_string_value(value), cases[i].expected);
		json_decref(value);
	}
}

static void diagnoses_are_text(void **state)
{
	_cleanup_(clear_diag) struct diag diag = {0};

	(void)state;
	(fail)(&diag, 1, "\xff.xml", 3, "tap\xc3 is bad");
	assert_string_equal(diag_message(&diag), "?.xml:3: tap? is bad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_are_those_of_the_rfc),
		cmocka_unit_test(text_ends_at_a_character),
		cmocka_unit_test(messages_are_cut_at_a_character),
		cmocka_unit_test(what_cannot_be_shown_is_escaped),
		cmocka_unit_test(texts_become_json),
		cmocka_unit_test(diagnoses_are_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
