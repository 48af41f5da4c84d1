/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Merging what two tables know of one session.
 */
#include "hostd/datapath/ports/resize.h"
#include "tests/harness/test.h"

static struct session make_session(void)
{
	return (struct session){
		.seen = 1000,
		.created = 900,
		.generation = 5,
		.state = STATE_TCP_ESTABLISHED,
		.flags = SESSION_OPENED_OUT | SESSION_GUARDED,
		.scale = {7, 8},
		.verdict = VERDICT_ALLOW | 1,
		.packets = {10, 20},
		.bytes = {1000, 2000},
		.window = {{.end = 500, .max_window = 100, .mark = 450},
			   {.end = 700, .max_window = 100, .mark = 650}},
	};
}

static void the_same_stays_the_same(void **state)
{
	struct session old = make_session(), now = make_session(), expected = now;

	merge_session(&old, &now);
	assert_memory_equal(&now, &expected, sizeof(now));
}

static void what_went_further_in_the_former_table_counts(void **state)
{
	struct session old = make_session(), now = make_session();

	old.seen = 1010;
	old.packets[0] = 15;
	old.bytes[0] = 9000;
	old.state = STATE_FIN_WAIT;
	old.fin[0] = 1;
	old.window[0] =
		(struct tcp_window){.end = 5000, .fin_end = 5000, .max_window = 900, .mark = 4500};
	old.attempt = (struct tcp_attempt){.sequence = 77, .window = 5};
	old.attempt_flags = ATTEMPT_OPEN | ATTEMPT_OUT;
	old.attempt_scale = 3;
	merge_session(&old, &now);
	assert_memory_equal(&now, &old, sizeof(now));
}

/* The other of two answers is kept where the opener's FIN would be. */
static void the_second_answer_of_the_former_table_is_known(void **state)
{
	struct session old = make_session(), now = make_session();

	old.state = now.state = STATE_SYN_RECEIVED;
	old.attempt_flags = ATTEMPT_OPEN | ATTEMPT_TWICE;
	old.window[DIRECTION_IN].fin_end = 4711;
	merge_session(&old, &now);
	assert_int_equal(now.attempt_flags, old.attempt_flags);
	assert_int_equal(now.window[DIRECTION_IN].fin_end, 4711);
}

static void what_went_further_in_the_new_table_counts(void **state)
{
	struct session old = make_session(), now = make_session(), expected;

	now.seen = 1020;
	now.packets[1] = 90;
	now.state = STATE_CLOSED;
	now.window[1].end = 100000;
	expected = now;
	merge_session(&old, &now);
	assert_memory_equal(&now, &expected, sizeof(now));
}

/* Sequence numbers and jiffies come round. */
static void later_is_later_across_the_wrap(void **state)
{
	struct session old = make_session(), now = make_session();

	now.seen = UINT32_MAX - 1;
	now.created = old.created = UINT32_MAX - 100;
	old.seen = 3;
	now.window[0].end = UINT32_MAX - 10;
	old.window[0].end = 20;
	now.window[1].mark = 5;
	old.window[1].mark = UINT32_MAX;
	merge_session(&old, &now);
	assert_int_equal(now.seen, 3);
	assert_int_equal(now.window[0].end, 20);
	assert_int_equal(now.window[1].mark, 5);
}

/* In a SYN's view the mark is the sender's own number, later it is the peer's. */
static void windows_of_a_syn_and_of_its_answer_do_not_mix(void **state)
{
	const struct tcp_window asked = {.end = 901, .max_window = 100, .mark = 900};
	struct session syn = make_session(), answered = make_session(), now;

	syn.state = STATE_SYN_SENT;
	memset(syn.window, 0, sizeof(syn.window));
	syn.window[1] = asked;
	answered.state = STATE_SYN_RECEIVED;
	now = answered;
	merge_session(&syn, &now);
	assert_memory_equal(&now, &answered, sizeof(now));
	now = syn;
	merge_session(&answered, &now);
	assert_memory_equal(&now, &answered, sizeof(now));
}

static void the_later_connection_wins_as_a_whole(void **state)
{
	struct session old = make_session(), now = make_session(), expected;

	now.created = 950;
	now.state = STATE_SYN_SENT;
	now.packets[0] = 1;
	expected = now;
	merge_session(&old, &now);
	assert_memory_equal(&now, &expected, sizeof(now));

	old = make_session();
	now = make_session();
	old.created = 950;
	old.state = STATE_SYN_SENT;
	merge_session(&old, &now);
	assert_memory_equal(&now, &old, sizeof(now));
}

/* A packet under a newer policy has judged it again, and found that the guard must be asked. */
static void the_later_judgement_counts(void **state)
{
	struct session old = make_session(), now = make_session();

	now.generation = 6;
	now.verdict = VERDICT_ALLOW | 9;
	now.flags &= ~SESSION_GUARDED;
	merge_session(&old, &now);
	assert_int_equal(now.generation, 6);
	assert_int_equal(now.verdict, VERDICT_ALLOW | 9);
	assert_false(now.flags & SESSION_GUARDED);

	now = make_session();
	old.generation = 7;
	old.verdict = VERDICT_ALLOW | 3;
	old.flags &= ~SESSION_GUARDED;
	merge_session(&old, &now);
	assert_int_equal(now.generation, 7);
	assert_int_equal(now.verdict, VERDICT_ALLOW | 3);
	assert_false(now.flags & SESSION_GUARDED);
	assert_true(now.flags & SESSION_OPENED_OUT);
}

static void scaling_comes_with_the_state_that_agreed_on_it(void **state)
{
	struct session old = make_session(), now = make_session();

	now.state = STATE_SYN_SENT;
	now.scale[0] = SCALE_UNKNOWN;
	merge_session(&old, &now);
	assert_int_equal(now.state, STATE_TCP_ESTABLISHED);
	assert_int_equal(now.scale[0], 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_stays_the_same),
		cmocka_unit_test(what_went_further_in_the_former_table_counts),
		cmocka_unit_test(the_second_answer_of_the_former_table_is_known),
		cmocka_unit_test(what_went_further_in_the_new_table_counts),
		cmocka_unit_test(later_is_later_across_the_wrap),
		cmocka_unit_test(windows_of_a_syn_and_of_its_answer_do_not_mix),
		cmocka_unit_test(the_later_connection_wins_as_a_whole),
		cmocka_unit_test(the_later_judgement_counts),
		cmocka_unit_test(scaling_comes_with_the_state_that_agreed_on_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
