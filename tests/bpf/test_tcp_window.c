/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP windows: a segment must lie where its sender may send and acknowledge what its receiver has
 * sent. What a stack really does (retransmits, probes, keeps alive, scales) passes.
 */
#include "tests/bpf/bpf_test.h"

#include <bpf/bpf.h>
#include <string.h>

#define MEGABYTE (1 << 20)
#define LATITUDE MEGABYTE /* bpf/tcp.h: how late a bound may be at most */

/* Handshake with the window scale options given (none where < 0) and windows of 1000, so that what
 * lies outside is near. */
static struct conversation open_scaled(struct rig_port *port, int scale_out, int scale_in)
{
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	struct bytes none = {0}, out = BYTES(MSS(1460), SCALE(scale_out));
	struct bytes in = BYTES(MSS(1460), NOP, SCALE(scale_in));

	expect_pass(port, OUT,
		    next_segment(&c, OUT, SYN, .window = 1000,
				 .options = scale_out < 0 ? none : out),
		    NEW);
	advance(&c, OUT, SYN, 0);
	expect_pass(port, IN,
		    next_segment(&c, IN, SYN | ACK, .window = 1000,
				 .options = scale_in < 0 ? none : in),
		    ESTABLISHED);
	advance(&c, IN, SYN, 0);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = 1000), ESTABLISHED);
	return c;
}

static struct conversation open_small(struct rig_port *port)
{
	return open_scaled(port, -1, -1);
}

/* ---- what lies outside ---------------------------------------------------------------------- */

static void data_beyond_the_window_is_dropped(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	for (enum direction d = IN; d <= OUT; d++) {
		expect_drop(port, d, next_segment(&c, d, ACK, .sequence = 2001, .payload = 10),
			    GUARD_TCP_WINDOW);
		expect_drop(port, d, next_segment(&c, d, ACK, .sequence = MEGABYTE),
			    GUARD_TCP_WINDOW);
		expect_drop(port, d, next_segment(&c, d, ACK, .sequence = 0x80000000U),
			    GUARD_TCP_WINDOW);
		expect_pass(port, d,
			    next_segment(&c, d, ACK, .sequence = 900, .payload = 100,
					 .window = 1000),
			    ESTABLISHED);
	}
}

/* The acknowledgment was lost behind the filter: the receiver has to say it again. */
static void acknowledged_data_may_be_sent_again(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);
	struct session before, after;

	for (int i = 0; i < 100; i++) {
		says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
		expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = 1000), ESTABLISHED);
	}
	assert_true(find_session(port, &c.key, &before));
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = -1000, .payload = 1000),
		    ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = -100000, .payload = 1000),
		    ESTABLISHED);
	assert_true(find_session(port, &c.key, &after));
	assert_memory_equal(before.window, after.window, sizeof(before.window));
	/* A blind attacker's has no acknowledgment that fits. */
	expect_drop(port, IN,
		    next_segment(&c, IN, ACK, .sequence = -100000, .acknowledgment = MEGABYTE,
				 .payload = 1000),
		    GUARD_TCP_WINDOW);
	/* Nor is an old reset an old segment's. */
	expect_drop(port, IN, next_segment(&c, IN, RST, .sequence = -100000), GUARD_TCP_WINDOW);
}

static void acknowledgments_of_unsent_data_are_dropped(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	for (enum direction d = IN; d <= OUT; d++) {
		expect_drop(port, d, next_segment(&c, d, ACK, .acknowledgment = 1001),
			    GUARD_TCP_WINDOW);
		expect_drop(port, d, next_segment(&c, d, ACK, .acknowledgment = MEGABYTE),
			    GUARD_TCP_WINDOW);
		/* Ancient ones as well. */
		expect_drop(port, d, next_segment(&c, d, ACK, .acknowledgment = -10 * MEGABYTE),
			    GUARD_TCP_WINDOW);
		expect_pass(port, d, next_segment(&c, d, ACK), ESTABLISHED);
	}
}

static void refused_segments_change_nothing(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);
	struct session before, after;

	assert_true(find_session(port, &c.key, &before));
	expect_drop(port, IN, next_segment(&c, IN, FIN | ACK, .sequence = MEGABYTE),
		    GUARD_TCP_WINDOW);
	expect_drop(port, IN, next_segment(&c, IN, RST, .sequence = MEGABYTE), GUARD_TCP_WINDOW);
	expect_drop(port, IN, next_segment(&c, IN, ACK, .sequence = 5000, .window = 60000),
		    GUARD_TCP_WINDOW);
	assert_true(find_session(port, &c.key, &after));
	assert_memory_equal(&before, &after, sizeof(before));
}

/* ---- what real stacks do -------------------------------------------------------------------- */

static void a_full_window_passes_in_any_order(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = 500, .payload = 500),
		    ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = 0, .payload = 500),
		    ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = 0, .payload = 500),
		    ESTABLISHED);
	/* A duplicate acknowledgment asks for what is missing. */
	expect_pass(port, OUT, next_segment(&c, OUT, ACK), ESTABLISHED);
	advance(&c, IN, 0, 1000);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = 1000), ESTABLISHED);
	says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
}

static void the_window_moves_with_acknowledgments(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	/* Also across the wrap-around of the remote's sequence numbers, which start 4096 below. */
	for (int i = 0; i < 20; i++) {
		says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
		expect_drop(port, IN, next_segment(&c, IN, ACK, .sequence = 1001, .payload = 10),
			    GUARD_TCP_WINDOW);
		expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = 1000), ESTABLISHED);
	}
}

static void a_shut_window_may_be_probed(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = ZERO_WINDOW), ESTABLISHED);
	/* One byte beyond (RFC 9293, 3.8.6.1), or one that is old already, as Linux does it. */
	expect_pass(port, IN, next_segment(&c, IN, ACK, .payload = 1), ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = ZERO_WINDOW), ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = -1), ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = 1000), ESTABLISHED);
	says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
}

static void keep_alives_pass(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	says_bytes(&c, OUT, ACK, 100, ESTABLISHED);
	says(&c, IN, ACK, ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .sequence = -1), ESTABLISHED);
	says(&c, IN, ACK, ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = -1, .payload = 1), ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
}

/* Two CPUs at once, and of two segments' updates the later one's is lost: the answer to it passes
 * all the same. */
static void a_lost_update_costs_no_segment(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);
	struct session session;

	says_bytes(&c, IN, ACK, 500, ESTABLISHED);
	says_bytes(&c, IN, ACK, 500, ESTABLISHED);
	assert_true(find_session(port, &c.key, &session));
	session.window[IN].end -= 500;
	assert_int_equal(bpf_map_update_elem(port->sessions, &c.key, &session, BPF_EXIST), 0);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = 1000), ESTABLISHED);
	assert_true(find_session(port, &c.key, &session));
	session.window[OUT].mark -= 500;
	assert_int_equal(bpf_map_update_elem(port->sessions, &c.key, &session, BPF_EXIST), 0);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = 900, .payload = 100),
		    ESTABLISHED);
}

/* ---- window scale (RFC 7323) ---------------------------------------------------------------- */

static void windows_are_scaled_if_both_agree(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_scaled(port, 7, 3);

	/* The VM takes 1000 << 7, the remote 1000 << 3 bytes. */
	expect_pass(port, IN,
		    next_segment(&c, IN, ACK, .sequence = 127000, .payload = 1000, .window = 1000),
		    ESTABLISHED);
	expect_drop(port, IN, next_segment(&c, IN, ACK, .sequence = 256001), GUARD_TCP_WINDOW);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .window = 1000), ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .sequence = 7000, .payload = 1000),
		    ESTABLISHED);
	expect_drop(port, OUT, next_segment(&c, OUT, ACK, .sequence = 16001), GUARD_TCP_WINDOW);
}

static void no_window_is_scaled_if_one_side_does_not(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_scaled(port, 7, -1);

	expect_drop(port, IN, next_segment(&c, IN, ACK, .sequence = 2001), GUARD_TCP_WINDOW);
	expect_drop(port, OUT, next_segment(&c, OUT, ACK, .sequence = 2001), GUARD_TCP_WINDOW);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .payload = 1000), ESTABLISHED);
}

static void a_scale_of_zero_is_an_agreement(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_scaled(port, 0, 7);

	expect_pass(port, IN, next_segment(&c, IN, ACK, .window = 1000), ESTABLISHED);
	expect_pass(port, OUT,
		    next_segment(&c, OUT, ACK, .sequence = 127000, .payload = 1000, .window = 1000),
		    ESTABLISHED);
	expect_drop(port, IN, next_segment(&c, IN, ACK, .sequence = 2001), GUARD_TCP_WINDOW);
}

static void a_scale_is_at_most_14(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_scaled(port, 200, 14);

	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = (1000 << 14) - 100),
		    ESTABLISHED);
	expect_drop(port, IN, next_segment(&c, IN, ACK, .sequence = (1000 << 14) + LATITUDE + 1),
		    GUARD_TCP_WINDOW);
}

static void the_scale_is_found_among_other_options(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM6, 40000, WEB6, 80);
	/* As Linux sends them: MSS, SACK permitted, timestamps, NOP, window scale. */
	struct bytes options =
		BYTES(MSS(1440), SACK_PERMITTED, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, NOP, SCALE(7));

	expect_pass(port, OUT, next_segment(&c, OUT, SYN, .window = 1000, .options = options), NEW);
	advance(&c, OUT, SYN, 0);
	expect_pass(port, IN, next_segment(&c, IN, SYN | ACK, .window = 1000, .options = options),
		    ESTABLISHED);
	advance(&c, IN, SYN, 0);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = 1000), ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = 120000), ESTABLISHED);
}

/* Options that lead nowhere are no reason to stop or to loop. */
static void broken_options_are_ignored(void **state)
{
	static const uint8_t broken[][8] = {
		{8, 0, 3, 3, 7},          {8, 1, 3, 3, 7},       {3, 40},
		{1, 1, 1, 1, 1, 1, 1, 3}, {0, 3, 3, 3, 7, 0, 0}, {3, 2, 7},
	};
	struct rig_port *port = *state;

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct conversation c = conversation(port, VM, 40000 + i, WEB, 80);
		struct bytes options = {.data = broken[i], .size = sizeof(broken[i])};

		expect_pass(port, OUT,
			    next_segment(&c, OUT, SYN, .window = 1000, .options = options), NEW);
		advance(&c, OUT, SYN, 0);
		expect_pass(port, IN,
			    next_segment(&c, IN, SYN | ACK, .window = 1000,
					 .options = BYTES(SCALE(7))),
			    ESTABLISHED);
		advance(&c, IN, SYN, 0);
		expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = 1000), ESTABLISHED);
		expect_drop(port, IN, next_segment(&c, IN, ACK, .sequence = 2001),
			    GUARD_TCP_WINDOW);
	}
}

/* ---- resets (RFC 5961, 3) ------------------------------------------------------------------- */

static void only_an_exact_reset_ends_the_session(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	/* In the window, but not the number that is expected: the peer will ask back. */
	expect_pass(port, IN, next_segment(&c, IN, RST, .sequence = 100), ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
	expect_drop(port, IN, next_segment(&c, IN, RST, .sequence = 5000), GUARD_TCP_WINDOW);
	expect_state(port, c.key, TCP_ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	says(&c, IN, RST, ESTABLISHED);
	expect_state(port, c.key, CLOSED);
}

/* ---- the way out ---------------------------------------------------------------------------- */

static void windows_need_not_be_enforced(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	port->record.guards &= ~GUARD_TCP_WINDOW;
	rewrite_port(port);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = MEGABYTE), ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .acknowledgment = 10000), ESTABLISHED);
	/* The state machine still is. */
	expect_drop(port, IN, next_segment(&c, IN, 0, .sequence = MEGABYTE), TCP_STATE);
}

/* ... but a reset still has to be exact, whatever was forged before it. */
static void what_is_not_enforced_is_not_believed(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	port->record.guards &= ~GUARD_TCP_WINDOW;
	rewrite_port(port);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = MEGABYTE, .payload = 1),
		    ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, RST, .sequence = MEGABYTE + 1), ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
	says(&c, IN, RST, ESTABLISHED);
	expect_state(port, c.key, CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(data_beyond_the_window_is_dropped),
		rig_test(what_is_not_enforced_is_not_believed),
		rig_test(acknowledged_data_may_be_sent_again),
		rig_test(acknowledgments_of_unsent_data_are_dropped),
		rig_test(refused_segments_change_nothing),
		rig_test(a_full_window_passes_in_any_order),
		rig_test(the_window_moves_with_acknowledgments),
		rig_test(a_shut_window_may_be_probed),
		rig_test(keep_alives_pass),
		rig_test(a_lost_update_costs_no_segment),
		rig_test(windows_are_scaled_if_both_agree),
		rig_test(no_window_is_scaled_if_one_side_does_not),
		rig_test(a_scale_of_zero_is_an_agreement),
		rig_test(a_scale_is_at_most_14),
		rig_test(the_scale_is_found_among_other_options),
		rig_test(broken_options_are_ignored),
		rig_test(only_an_exact_reset_ends_the_session),
		rig_test(windows_need_not_be_enforced),
	};

	return run_rig_tests(tests);
}
