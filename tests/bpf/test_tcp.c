/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TCP state machine (RFC 9293): which segments open, follow and end a session, state by state.
 * Windows are in test_tcp_window.c.
 */
#include "tests/bpf/bpf_test.h"

#include <netinet/in.h>
#include <string.h>

#define LONG   1000000
#define MARGIN 500000

/* The same walk for both families and for both who may open. */
static struct conversation talk(struct rig_port *port, int variant)
{
	switch (variant) {
	case 0:
		return conversation(port, VM, 40000, WEB, 80);
	case 1:
		return conversation(port, VM6, 40000, WEB6, 80);
	case 2:
		return conversation(port, VM, 80, CLIENT, 50000);
	default:
		return conversation(port, VM6, 80, CLIENT6, 50000);
	}
}

#define VARIANTS 4

static enum direction opener_of(int variant)
{
	return variant < 2 ? OUT : IN;
}

static void allow_opener(struct rig_port *port, int variant)
{
	set_defaults(port, opener_of(variant) == IN, opener_of(variant) == OUT);
}

/* ---- opening -------------------------------------------------------------------------------- */

static void a_handshake_establishes(void **state)
{
	struct rig_port *port = *state;

	for (int i = 0; i < VARIANTS; i++) {
		struct conversation c = talk(port, i);
		enum direction opener = opener_of(i);

		allow_opener(port, i);
		says(&c, opener, SYN, NEW);
		expect_state(port, c.key, SYN_SENT);
		says(&c, !opener, SYN | ACK, ESTABLISHED);
		expect_state(port, c.key, SYN_RECEIVED);
		says(&c, opener, ACK, ESTABLISHED);
		expect_state(port, c.key, TCP_ESTABLISHED);
		says_bytes(&c, opener, ACK | PSH, 500, ESTABLISHED);
		says_bytes(&c, !opener, ACK | PSH, 1000, ESTABLISHED);
		says(&c, opener, ACK, ESTABLISHED);
		expect_state(port, c.key, TCP_ESTABLISHED);
	}
}

static void retransmitted_handshakes_pass(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	struct packet syn = next_segment(&c, OUT, SYN), answer;

	says(&c, OUT, SYN, NEW);
	expect_pass(port, OUT, syn, ESTABLISHED);
	answer = next_segment(&c, IN, SYN | ACK);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	expect_pass(port, OUT, syn, ESTABLISHED);
	expect_pass(port, IN, answer, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_pass(port, IN, answer, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

static void only_the_right_answer_follows_a_syn(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	says(&c, OUT, SYN, NEW);
	/* An acknowledgment of something that was not sent passes, for the opener to reset it, and
	 * is no answer. */
	expect_pass(port, IN, next_segment(&c, IN, SYN | ACK, .acknowledgment = 1), ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, SYN | ACK, .acknowledgment = -1), ESTABLISHED);
	expect_drop(port, IN, next_segment(&c, IN, ACK, .payload = 10), TCP_STATE);
	says_in_vain(&c, IN, FIN | ACK, TCP_STATE);
	/* The opener cannot go on before there is an answer. */
	says_in_vain(&c, OUT, ACK, TCP_STATE);
	says_in_vain(&c, OUT, FIN | ACK, TCP_STATE);
	expect_state(port, c.key, SYN_SENT);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	expect_state(port, c.key, SYN_RECEIVED);
}

/* The answerer cannot finish the handshake for the opener. */
static void the_opener_finishes_the_handshake(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	says(&c, OUT, SYN, NEW);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says_bytes(&c, IN, ACK, 10, ESTABLISHED);
	expect_state(port, c.key, SYN_RECEIVED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

static void both_may_open_at_once(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	/* RFC 9293, figure 7: SYNs cross, each is acknowledged by SYN and ACK. */
	says(&c, OUT, SYN, NEW);
	says(&c, IN, SYN, ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, SYN | ACK, .sequence = -1), ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, SYN | ACK, .sequence = -1), ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

static void data_in_a_syn_is_taken(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	/* TCP Fast Open, RFC 7413. */
	says_bytes(&c, OUT, SYN, 200, NEW);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

static void refused_connections_are_closed(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	says(&c, OUT, SYN, NEW);
	/* A reset that does not acknowledge the SYN is not from the peer (RFC 9293, 3.10.7.3). */
	says_in_vain(&c, IN, RST, TCP_STATE);
	expect_drop(port, IN, next_segment(&c, IN, RST | ACK, .acknowledgment = 1000), TCP_STATE);
	expect_state(port, c.key, SYN_SENT);
	says(&c, IN, RST | ACK, ESTABLISHED);
	expect_state(port, c.key, CLOSED);
}

static void segments_without_a_session_open_none(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	for (int i = 0; i < VARIANTS; i++) {
		struct conversation c = talk(port, i);

		says_in_vain(&c, OUT, ACK, TCP_STATE);
		says_in_vain(&c, IN, ACK, TCP_STATE);
		says_in_vain(&c, OUT, SYN | ACK, TCP_STATE);
		says_in_vain(&c, IN, SYN | ACK, TCP_STATE);
		says_in_vain(&c, OUT, RST, TCP_STATE);
		says_in_vain(&c, IN, FIN | ACK, TCP_STATE);
		expect_no_session(port, c.key);
	}
}

/* ---- closing -------------------------------------------------------------------------------- */

static void a_connection_closes_in_order(void **state)
{
	struct rig_port *port = *state;

	for (int closer = 0; closer < 2; closer++) {
		struct conversation c = conversation(port, VM, 40000 + closer, WEB, 80);

		opens(&c, OUT);
		says(&c, closer, FIN | ACK, ESTABLISHED);
		expect_state(port, c.key, TCP_ESTABLISHED);
		says(&c, !closer, ACK, ESTABLISHED);
		expect_state(port, c.key, FIN_WAIT);
		says(&c, !closer, FIN | ACK, ESTABLISHED);
		expect_state(port, c.key, CLOSING);
		says(&c, closer, ACK, ESTABLISHED);
		expect_state(port, c.key, TIME_WAIT);
	}
}

static void a_half_closed_connection_stays_usable(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM6, 40000, WEB6, 80);

	opens(&c, OUT);
	says(&c, OUT, FIN | ACK, ESTABLISHED);
	for (int i = 0; i < 5; i++) {
		says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
		says(&c, OUT, ACK, ESTABLISHED);
	}
	expect_state(port, c.key, FIN_WAIT);
	says(&c, IN, FIN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, TIME_WAIT);
}

static void both_may_close_at_once(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	struct packet fin_in;

	opens(&c, OUT);
	fin_in = next_segment(&c, IN, FIN | ACK);
	says(&c, OUT, FIN | ACK, ESTABLISHED);
	expect_pass(port, IN, fin_in, ESTABLISHED);
	advance(&c, IN, FIN, 0);
	expect_state(port, c.key, TCP_ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, CLOSING);
	says(&c, IN, ACK, ESTABLISHED);
	expect_state(port, c.key, TIME_WAIT);
}

static void three_segments_close_too(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	opens(&c, OUT);
	says(&c, IN, FIN | ACK, ESTABLISHED);
	says(&c, OUT, FIN | ACK, ESTABLISHED);
	expect_state(port, c.key, CLOSING);
	says(&c, IN, ACK, ESTABLISHED);
	expect_state(port, c.key, TIME_WAIT);
}

/* A FIN whose data is still under way does not acknowledge the other side's. */
static void only_the_last_ack_ends_closing(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	opens(&c, OUT);
	says(&c, OUT, FIN | ACK, ESTABLISHED);
	says(&c, IN, FIN | ACK, ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .acknowledgment = -1), ESTABLISHED);
	expect_state(port, c.key, CLOSING);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, TIME_WAIT);
}

static void late_segments_of_a_closed_connection_are_known(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	struct packet last_fin;

	opens(&c, OUT);
	says(&c, OUT, FIN | ACK, ESTABLISHED);
	last_fin = next_segment(&c, IN, FIN | ACK);
	says(&c, IN, FIN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, TIME_WAIT);
	expect_pass(port, IN, last_fin, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, TIME_WAIT);
}

static void a_reset_closes(void **state)
{
	struct rig_port *port = *state;

	for (int i = 0; i < VARIANTS; i++) {
		struct conversation c = talk(port, i);

		allow_opener(port, i);
		opens(&c, opener_of(i));
		says(&c, i % 2 ? OUT : IN, RST, ESTABLISHED);
		expect_state(port, c.key, CLOSED);
	}
}

/* ---- after the end -------------------------------------------------------------------------- */

static void the_same_ports_may_be_used_anew(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	opens(&c, OUT);
	closes(&c, OUT);
	expect_state(port, c.key, TIME_WAIT);
	c.next[OUT] += 200000;
	c.next[IN] += 777777;
	opens(&c, OUT);
	expect_state(port, c.key, TCP_ESTABLISHED);
	says(&c, IN, RST, ESTABLISHED);
	expect_state(port, c.key, CLOSED);
	c.next[OUT] -= 500000;
	opens(&c, OUT);
	expect_state(port, c.key, TCP_ESTABLISHED);
	assert_int_equal(count_sessions(port), 1);
}

/* Whoever opens anew needs the permission to open. */
static void a_new_connection_on_old_ports_is_judged_anew(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	opens(&c, OUT);
	closes(&c, OUT);
	says_in_vain(&c, IN, SYN, POLICY);
	expect_state(port, c.key, TIME_WAIT);
	says(&c, OUT, SYN, NEW);
	/* Until it is answered the old one is all that there is. */
	expect_state(port, c.key, TIME_WAIT);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	expect_state(port, c.key, SYN_RECEIVED);
}

/* A peer that has lost its memory starts over: the other end's challenge ACK must get through, and
 * the reset that it provokes (RFC 5961, 4). */
static void a_rebooted_opener_recovers(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	struct packet reset;

	opens(&c, OUT);
	says_bytes(&c, IN, ACK, 100, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, SYN, .sequence = 5000000), ESTABLISHED);
	says(&c, IN, ACK, ESTABLISHED);
	reset = tcp(VM, WEB, 40000, 80, RST, .sequence = c.next[OUT]);
	expect_pass(port, OUT, reset, ESTABLISHED);
	expect_state(port, c.key, CLOSED);
	c.next[OUT] += 5000000;
	c.next[IN] += 5000000;
	opens(&c, OUT);
}

/* A SYN of the other side needs a permission of its own, and does not disturb the session. */
static void a_syn_does_not_disturb_a_live_session(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	struct session before, after;

	opens(&c, OUT);
	assert_true(find_session(port, &c.key, &before));
	expect_drop(port, IN, next_segment(&c, IN, SYN, .sequence = 70000000), POLICY);
	assert_true(find_session(port, &c.key, &after));
	assert_int_equal(after.state, before.state);
	assert_memory_equal(after.window, before.window, sizeof(before.window));
	says_bytes(&c, IN, ACK, 10, ESTABLISHED);
}

static void a_closed_session_runs_out_whatever_arrives(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	port->rig->settings.timeout[STATE_CLOSED] = LONG;
	apply_rig_settings(port->rig);
	opens(&c, OUT);
	says(&c, IN, RST, ESTABLISHED);
	age_session(port, &c.key, LONG - MARGIN);
	says(&c, OUT, ACK, ESTABLISHED);
	age_session(port, &c.key, 2 * MARGIN);
	says_in_vain(&c, OUT, ACK, TCP_STATE);
}

static void each_state_has_its_own_timeout(void **state)
{
	static const enum session_state states[] = {STATE_SYN_SENT, STATE_SYN_RECEIVED,
						    STATE_TCP_ESTABLISHED, STATE_FIN_WAIT,
						    STATE_CLOSING};
	struct rig_port *port = *state;
	struct rig *rig = port->rig;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct conversation c = conversation(port, VM, 40000 + i, WEB, 80);

		for (int s = 0; s < STATE_COUNT; s++)
			rig->settings.timeout[s] = 100 * LONG;
		rig->settings.timeout[states[i]] = LONG;
		apply_rig_settings(rig);

		says(&c, OUT, SYN, NEW);
		if (states[i] >= STATE_SYN_RECEIVED)
			says(&c, IN, SYN | ACK, ESTABLISHED);
		if (states[i] >= STATE_TCP_ESTABLISHED)
			says(&c, OUT, ACK, ESTABLISHED);
		if (states[i] >= STATE_FIN_WAIT) {
			says(&c, OUT, FIN | ACK, ESTABLISHED);
			says(&c, IN, ACK, ESTABLISHED);
		}
		if (states[i] >= STATE_CLOSING)
			says(&c, IN, FIN | ACK, ESTABLISHED);
		check_state(port, c.key, states[i], HERE);
		age_session(port, &c.key, LONG + MARGIN);
		says_in_vain(&c, IN, ACK, TCP_STATE);
	}
}

#define STATE(identifier, name, timeout, source) [STATE_##identifier] = (timeout),
static const uint32_t usual_seconds[STATE_COUNT] = {
#include "bpf/states.def"
};
#undef STATE

/* RFC 5382, REQ-5: four minutes at least, from the last packet on. */
static void a_half_closed_connection_may_be_silent_for_minutes(void **state)
{
	struct rig_port *port = *state;
	struct rig *rig = port->rig;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	uint32_t second = LONG / 240;

	for (int s = 0; s < STATE_COUNT; s++)
		rig->settings.timeout[s] = usual_seconds[s] * second;
	apply_rig_settings(rig);
	opens(&c, OUT);
	says(&c, OUT, FIN | ACK, ESTABLISHED);
	says(&c, IN, ACK, ESTABLISHED);
	for (int i = 0; i < 3; i++) {
		age_session(port, &c.key, 235 * second);
		says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
		age_session(port, &c.key, 235 * second);
		says(&c, OUT, ACK, ESTABLISHED);
	}
	says(&c, IN, FIN | ACK, ESTABLISHED);
	age_session(port, &c.key, 245 * second);
	says_in_vain(&c, OUT, ACK, TCP_STATE);
}

static void syn_goes_with_neither_fin_nor_reset(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	says(&c, OUT, SYN, NEW);
	says_in_vain(&c, OUT, SYN | RST, TCP_STATE);
	says_in_vain(&c, IN, SYN | RST | ACK, TCP_STATE);
	says_in_vain(&c, IN, SYN | FIN | ACK, TCP_STATE);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	says_in_vain(&c, OUT, SYN | RST, TCP_STATE);
	says_in_vain(&c, OUT, SYN | FIN, TCP_STATE);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

/* RFC 9293, 3.5.1: the peer still knows an old connection and acknowledges that; the opener's reset
 * has the old one's number. Then it tries again. */
static void an_opener_may_reset_an_old_connection(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	const uint32_t old = 300000000;

	says(&c, OUT, SYN, NEW);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .acknowledgment = old), ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, RST, .sequence = old), ESTABLISHED);
	expect_state(port, c.key, SYN_SENT);
	expect_pass(port, OUT, next_segment(&c, OUT, SYN, .sequence = -1), ESTABLISHED);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

static void an_opener_may_withdraw(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	says_bytes(&c, OUT, SYN, 100, NEW);
	says(&c, OUT, RST, ESTABLISHED);
	expect_state(port, c.key, CLOSED);
}

/* More was sent than has arrived: the peer expects what it has acknowledged last. */
static void a_reset_may_have_the_last_acknowledged_number(void **state)
{
	struct rig_port *port = *state;

	for (int i = 0; i < VARIANTS; i++) {
		struct conversation c = talk(port, i);

		allow_opener(port, i);
		opens(&c, opener_of(i));
		says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
		says_bytes(&c, OUT, ACK, 1000, ESTABLISHED);
		says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
		expect_pass(port, IN, next_segment(&c, IN, RST, .sequence = -500), ESTABLISHED);
		expect_state(port, c.key, TCP_ESTABLISHED);
		expect_pass(port, IN, next_segment(&c, IN, RST, .sequence = -1000), ESTABLISHED);
		expect_state(port, c.key, CLOSED);
	}
}

static void a_fin_before_the_handshakes_end_counts(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	says(&c, OUT, SYN, NEW);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says(&c, IN, FIN | ACK, ESTABLISHED);
	expect_state(port, c.key, SYN_RECEIVED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, FIN_WAIT);
	says(&c, OUT, FIN | ACK, ESTABLISHED);
	says(&c, IN, ACK, ESTABLISHED);
	expect_state(port, c.key, TIME_WAIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(a_handshake_establishes),
		rig_test(retransmitted_handshakes_pass),
		rig_test(only_the_right_answer_follows_a_syn),
		rig_test(the_opener_finishes_the_handshake),
		rig_test(both_may_open_at_once),
		rig_test(data_in_a_syn_is_taken),
		rig_test(refused_connections_are_closed),
		rig_test(segments_without_a_session_open_none),
		rig_test(a_connection_closes_in_order),
		rig_test(a_half_closed_connection_stays_usable),
		rig_test(both_may_close_at_once),
		rig_test(three_segments_close_too),
		rig_test(only_the_last_ack_ends_closing),
		rig_test(late_segments_of_a_closed_connection_are_known),
		rig_test(a_reset_closes),
		rig_test(the_same_ports_may_be_used_anew),
		rig_test(a_new_connection_on_old_ports_is_judged_anew),
		rig_test(a_rebooted_opener_recovers),
		rig_test(a_syn_does_not_disturb_a_live_session),
		rig_test(a_closed_session_runs_out_whatever_arrives),
		rig_test(each_state_has_its_own_timeout),
		rig_test(a_half_closed_connection_may_be_silent_for_minutes),
		rig_test(syn_goes_with_neither_fin_nor_reset),
		rig_test(an_opener_may_reset_an_old_connection),
		rig_test(an_opener_may_withdraw),
		rig_test(a_reset_may_have_the_last_acknowledged_number),
		rig_test(a_fin_before_the_handshakes_end_counts),
	};

	return run_rig_tests(tests);
}
