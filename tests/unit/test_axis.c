/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Classes on a line of keys: exactly the keys that the same sets hold are together. */
#include "hostd/base/cleanup.h"
#include "hostd/policy/compile/axis.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

#define END 64

static struct random random_state;

static uint32_t add_set(struct span_sets *sets, const struct span *spans, size_t count)
{
	struct span copy[16];
	uint32_t number;

	assert_true(count <= ARRAY_SIZE(copy));
	if (count)
		memcpy(copy, spans, count * sizeof(*spans));
	assert_int_equal(add_span_set(sets, copy, count, &number), 0);
	return number;
}

#define ADD(sets, ...)                                                                             \
	add_set((sets), (const struct span[]){__VA_ARGS__},                                        \
		ARRAY_SIZE(((const struct span[]){__VA_ARGS__})))

/* The class of each key, written as letters in order of first use. */
static void print_classes(const struct axis *axis, uint32_t end, char *out)
{
	for (size_t i = 0; i < axis->atom_count; i++) {
		uint32_t next = i + 1 < axis->atom_count ? axis->starts[i + 1] : end;

		for (uint32_t key = axis->starts[i]; key < next; key++)
			*out++ = (char)('a' + axis->classes[i]);
	}
	*out = '\0';
}

static void expect_classes(struct span_sets *sets, const char *expected)
{
	uint32_t end = (uint32_t)strlen(expected);
	struct axis axis = {0};
	char text[END + 1];

	assert_int_equal(build_axis(sets, end, &axis), 0);
	print_classes(&axis, end, text);
	assert_string_equal(text, expected);
	free_axis(&axis);
	free_span_sets(sets);
}

static void keys_in_the_same_sets_are_one_class(void **state)
{
	struct span_sets sets = {0};

	(void)state;
	expect_classes(&sets, "aaaaaaaa");
	ADD(&sets, {2, 3});
	expect_classes(&sets, "aabbaaaa");
	ADD(&sets, {2, 3}, {6, 7});
	expect_classes(&sets, "aabbaabb");
	ADD(&sets, {0, 4});
	ADD(&sets, {2, 6});
	expect_classes(&sets, "aabbbccd");
	ADD(&sets, {0, 7});
	expect_classes(&sets, "aaaaaaaa");
	ADD(&sets, {0, 0});
	ADD(&sets, {7, 7});
	expect_classes(&sets, "abbbbbbc");
	/* A set without spans tells nothing apart. */
	add_set(&sets, NULL, 0);
	ADD(&sets, {1, 1});
	expect_classes(&sets, "abaaaaaa");
}

static void equal_sets_have_one_number(void **state)
{
	struct span_sets sets = {0};

	(void)state;
	assert_int_equal(ADD(&sets, {1, 2}), 0);
	assert_int_equal(ADD(&sets, {1, 3}), 1);
	/* in any order, overlapping, touching */
	assert_int_equal(ADD(&sets, {2, 2}, {1, 1}), 0);
	assert_int_equal(ADD(&sets, {1, 2}, {2, 3}, {1, 1}), 1);
	assert_int_equal(ADD(&sets, {1, 1}, {3, 3}), 2);
	assert_int_equal(sets.count, 3);
	free_span_sets(&sets);
}

static void spans_count_atoms_afterwards(void **state)
{
	struct span_sets sets = {0};
	struct axis axis = {0};

	(void)state;
	ADD(&sets, {10, 19}, {40, 63});
	ADD(&sets, {0, 14});
	assert_int_equal(build_axis(&sets, END, &axis), 0);
	assert_int_equal(axis.atom_count, 5); /* 0 10 15 20 40 */
	assert_int_equal(sets.sets[0].spans[0].first, 1);
	assert_int_equal(sets.sets[0].spans[0].last, 2);
	assert_int_equal(sets.sets[0].spans[1].first, 4);
	assert_int_equal(sets.sets[0].spans[1].last, 4);
	assert_int_equal(sets.sets[1].spans[0].first, 0);
	assert_int_equal(sets.sets[1].spans[0].last, 1);
	assert_int_equal(axis.class_count, 4);
	free_axis(&axis);
	free_span_sets(&sets);
}

/* A bit for every set that holds the key: the plain way to say which keys belong together. */
static void random_classes_are_exact(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 2000; round++) {
		struct span_sets sets = {0};
		uint32_t holders[END] = {0}, class_of[END];
		struct axis axis = {0};
		char text[END + 1];
		uint32_t count = random_below(&random_state, 12);

		for (uint32_t i = 0; i < count; i++) {
			struct span spans[3];
			uint32_t span_count = random_below(&random_state, 4), number;

			for (uint32_t j = 0; j < span_count; j++) {
				spans[j].first = random_below(&random_state, END);
				spans[j].last = spans[j].first +
						random_below(&random_state, END - spans[j].first);
				for (uint32_t k = spans[j].first; k <= spans[j].last; k++)
					holders[k] |= 1U << i;
			}
			assert_int_equal(add_span_set(&sets, spans, span_count, &number), 0);
		}
		assert_int_equal(build_axis(&sets, END, &axis), 0);
		print_classes(&axis, END, text);
		for (size_t i = 0; i < END; i++)
			class_of[i] = (uint32_t)(text[i] - 'a');
		for (size_t i = 0; i < END; i++) {
			for (size_t j = 0; j < END; j++)
				assert_int_equal(holders[i] == holders[j],
						 class_of[i] == class_of[j]);
		}
		free_axis(&axis);
		free_span_sets(&sets);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_in_the_same_sets_are_one_class),
		cmocka_unit_test(equal_sets_have_one_number),
		cmocka_unit_test(spans_count_atoms_afterwards),
		cmocka_unit_test(random_classes_are_exact),
	};

	random_state = start_random();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
