/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pool of numbers: first fit, claims, and a long random run against a plain bitmap.
 */
#include "hostd/datapath/objects/pool.h"
#include "tests/harness/test.h"

static void take_fills_the_lowest_gap(void **state)
{
	struct pool pool;
	uint32_t first;

	init_pool(&pool, 10);
	assert_int_equal(take_range(&pool, 4, &first), 0);
	assert_int_equal(first, 0);
	assert_int_equal(take_range(&pool, 2, &first), 0);
	assert_int_equal(first, 4);
	assert_int_equal(take_range(&pool, 4, &first), 0);
	assert_int_equal(first, 6);
	assert_int_equal(pool.used, 10);

	put_range(&pool, 0);
	assert_int_equal(pool.used, 6);
	assert_int_equal(take_range(&pool, 5, &first), -ENOSPC);
	assert_int_equal(take_range(&pool, 3, &first), 0);
	assert_int_equal(first, 0);
	assert_int_equal(take_range(&pool, 1, &first), 0);
	assert_int_equal(first, 3);
	clear_pool(&pool);
}

static void a_full_pool_says_so_and_leaves_the_output_alone(void **state)
{
	struct pool pool;
	uint32_t first = 77;

	init_pool(&pool, 3);
	assert_int_equal(take_range(&pool, 4, &first), -ENOSPC);
	assert_int_equal(take_range(&pool, UINT32_MAX, &first), -ENOSPC);
	assert_int_equal(first, 77);
	assert_int_equal(take_range(&pool, 3, &first), 0);
	assert_int_equal(take_range(&pool, 1, &first), -ENOSPC);
	assert_int_equal(first, 0);
	clear_pool(&pool);

	init_pool(&pool, 0);
	assert_int_equal(take_range(&pool, 1, &first), -ENOSPC);
	clear_pool(&pool);
}

static void freed_neighbours_become_one_gap(void **state)
{
	struct pool pool;
	uint32_t first;

	init_pool(&pool, 6);
	for (int i = 0; i < 3; i++)
		assert_int_equal(take_range(&pool, 2, &first), 0);
	put_range(&pool, 2);
	put_range(&pool, 0);
	assert_int_equal(take_range(&pool, 4, &first), 0);
	assert_int_equal(first, 0);
	clear_pool(&pool);
}

static void claims_may_not_overlap(void **state)
{
	struct pool pool;
	uint32_t first;

	init_pool(&pool, 100);
	assert_int_equal(claim_range(&pool, 10, 10), 0);
	assert_int_equal(claim_range(&pool, 10, 10), -EEXIST);
	assert_int_equal(claim_range(&pool, 19, 1), -EEXIST);
	assert_int_equal(claim_range(&pool, 5, 6), -EEXIST);
	assert_int_equal(claim_range(&pool, 0, 100), -EEXIST);
	assert_int_equal(claim_range(&pool, 12, 2), -EEXIST);
	assert_int_equal(claim_range(&pool, 20, 80), 0);
	assert_int_equal(claim_range(&pool, 0, 10), 0);
	assert_int_equal(pool.used, 100);
	assert_int_equal(take_range(&pool, 1, &first), -ENOSPC);
	clear_pool(&pool);
}

static void claims_must_lie_within_the_pool(void **state)
{
	struct pool pool;

	init_pool(&pool, 100);
	assert_int_equal(claim_range(&pool, 0, 0), -ERANGE);
	assert_int_equal(claim_range(&pool, 100, 1), -ERANGE);
	assert_int_equal(claim_range(&pool, 99, 2), -ERANGE);
	assert_int_equal(claim_range(&pool, UINT32_MAX, 1), -ERANGE);
	assert_int_equal(claim_range(&pool, 1, UINT32_MAX), -ERANGE);
	assert_int_equal(claim_range(&pool, 0, 101), -ERANGE);
	assert_int_equal(claim_range(&pool, 99, 1), 0);
	clear_pool(&pool);
}

#define RANDOM_TOTAL 300

/* What take_range() should answer, from a plain map of used numbers. */
static int find_gap(const bool *used, uint32_t count)
{
	for (uint32_t first = 0; first + count <= RANDOM_TOTAL; first++) {
		uint32_t run = 0;

		while (run < count && !used[first + run])
			run++;
		if (run == count)
			return (int)first;
	}
	return -ENOSPC;
}

static void a_long_random_run_agrees_with_a_bitmap(void **state)
{
	bool used[RANDOM_TOTAL] = {false};
	uint32_t counts[RANDOM_TOTAL] = {0}, first;
	struct pool pool;

	init_pool(&pool, RANDOM_TOTAL);
	srand(1);
	for (int step = 0; step < 20000; step++) {
		uint32_t at = (uint32_t)rand() % RANDOM_TOTAL, count = 1 + (uint32_t)rand() % 12;
		int expected = find_gap(used, count);

		if (counts[at]) {
			put_range(&pool, at);
			memset(&used[at], false, counts[at]);
			counts[at] = 0;
			continue;
		}
		if (expected < 0) {
			assert_int_equal(take_range(&pool, count, &first), expected);
			continue;
		}
		assert_int_equal(take_range(&pool, count, &first), 0);
		assert_int_equal(first, expected);
		counts[first] = count;
		memset(&used[first], true, count);
	}
	clear_pool(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(take_fills_the_lowest_gap),
		cmocka_unit_test(a_full_pool_says_so_and_leaves_the_output_alone),
		cmocka_unit_test(freed_neighbours_become_one_gap),
		cmocka_unit_test(claims_may_not_overlap),
		cmocka_unit_test(claims_must_lie_within_the_pool),
		cmocka_unit_test(a_long_random_run_agrees_with_a_bitmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
