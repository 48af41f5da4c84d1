/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tries: every key finds its run, equal sub-tries are stored once, bounds are kept. */
#include "bpf/abi.h"
#include "hostd/base/cleanup.h"
#include "hostd/policy/compile/trie.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

static struct random random_state;

static void open_nodes(struct interner *nodes, uint32_t limit)
{
	init_interner(nodes, POLICY_NODE_CELLS, limit);
}

static uint32_t look_up(const struct interner *nodes, uint32_t cell, trie_key key,
			unsigned int nibbles)
{
	while (!(cell & CELL_LEAF)) {
		nibbles--;
		cell = interned_record(nodes, cell)[(unsigned int)(key >> (nibbles * 4)) & 0xf];
	}
	return cell & ~CELL_LEAF;
}

static void runs_join_and_replace(void **state)
{
	struct runs runs = {0};

	(void)state;
	assert_int_equal(add_run(&runs, 0, 1), 0);
	assert_int_equal(add_run(&runs, 5, 1), 0); /* longer */
	assert_int_equal(runs.count, 1);
	assert_int_equal(add_run(&runs, 9, 2), 0);
	assert_int_equal(add_run(&runs, 9, 3), 0); /* in its place */
	assert_int_equal(runs.count, 2);
	assert_int_equal(runs.items[1].value, 3);
	assert_int_equal(add_run(&runs, 9, 1), 0); /* in its place, and longer */
	assert_int_equal(runs.count, 1);
	free_runs(&runs);
}

static void one_run_needs_no_node(void **state)
{
	_cleanup_(free_interner) struct interner nodes;
	_cleanup_(free_runs) struct runs runs = {0};
	uint32_t root;

	(void)state;
	open_nodes(&nodes, 0);
	assert_int_equal(add_run(&runs, 0, 7), 0);
	assert_int_equal(build_trie(&nodes, &runs, 32, &root), 0);
	assert_int_equal(root, CELL_LEAF | 7);
}

static void equal_sub_tries_are_stored_once(void **state)
{
	_cleanup_(free_interner) struct interner nodes;
	_cleanup_(free_runs) struct runs runs = {0};
	uint32_t root;

	(void)state;
	open_nodes(&nodes, 100);
	/* 0x?5 is 1 in each of sixteen blocks. */
	for (uint32_t i = 0; i < 16; i++) {
		assert_int_equal(add_run(&runs, i * 16, 0), 0);
		assert_int_equal(add_run(&runs, i * 16 + 5, 1), 0);
		assert_int_equal(add_run(&runs, i * 16 + 6, 0), 0);
	}
	assert_int_equal(build_trie(&nodes, &runs, 2, &root), 0);
	assert_int_equal(nodes.count, 2);
	for (uint32_t key = 0; key < 256; key++)
		assert_int_equal(look_up(&nodes, root, key, 2), key % 16 == 5);
}

static void the_ends_of_the_line_are_keys(void **state)
{
	_cleanup_(free_interner) struct interner nodes;
	_cleanup_(free_runs) struct runs runs = {0};
	const trie_key last = ~(trie_key)0;
	uint32_t root;

	(void)state;
	open_nodes(&nodes, 1000);
	assert_int_equal(add_run(&runs, 0, 1), 0);
	assert_int_equal(add_run(&runs, 1, 2), 0);
	assert_int_equal(add_run(&runs, last, 3), 0);
	assert_int_equal(build_trie(&nodes, &runs, 32, &root), 0);
	assert_int_equal(look_up(&nodes, root, 0, 32), 1);
	assert_int_equal(look_up(&nodes, root, 1, 32), 2);
	assert_int_equal(look_up(&nodes, root, last - 1, 32), 2);
	assert_int_equal(look_up(&nodes, root, last, 32), 3);
	assert_int_equal(nodes.count, 63); /* two ways down, one node in common */
}

static void too_many_nodes_are_refused(void **state)
{
	_cleanup_(free_interner) struct interner nodes;
	_cleanup_(free_runs) struct runs runs = {0};
	uint32_t root = 4711;

	(void)state;
	open_nodes(&nodes, 7);
	assert_int_equal(add_run(&runs, 0, 1), 0);
	assert_int_equal(add_run(&runs, 0x12345678, 2), 0);
	assert_int_equal(build_trie(&nodes, &runs, 8, &root), -E2BIG);
}

static void every_key_finds_its_run(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 500; round++) {
		_cleanup_(free_interner) struct interner nodes;
		_cleanup_(free_runs) struct runs runs = {0};
		uint32_t expected[4096], value = 0, root;

		open_nodes(&nodes, 10000);
		for (uint32_t key = 0; key < ARRAY_SIZE(expected); key++) {
			if (key == 0 || one_in(&random_state, 1 + round)) {
				value = random_below(&random_state, 3);
				assert_int_equal(add_run(&runs, key, value), 0);
			}
			expected[key] = value;
		}
		assert_int_equal(build_trie(&nodes, &runs, 3, &root), 0);
		for (uint32_t key = 0; key < ARRAY_SIZE(expected); key++)
			assert_int_equal(look_up(&nodes, root, key, 3), expected[key]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_join_and_replace),
		cmocka_unit_test(one_run_needs_no_node),
		cmocka_unit_test(equal_sub_tries_are_stored_once),
		cmocka_unit_test(the_ends_of_the_line_are_keys),
		cmocka_unit_test(too_many_nodes_are_refused),
		cmocka_unit_test(every_key_finds_its_run),
	};

	random_state = start_random();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
