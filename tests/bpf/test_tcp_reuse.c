/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports that are used anew while a session of theirs is still known: both ends have forgotten it,
 * or one has, or neither, and somebody only says so. The answer decides.
 */
#include "tests/bpf/bpf_test.h"

#define LONG   1000000
#define MARGIN 500000

/* Initial numbers of the connection that comes after. */
#define NEW_OUT 900000000U
#define NEW_IN  3000000000U

/* A conversation whose opener is `opener`, and leave for that side only. */
static struct conversation talk(struct rig_port *port, enum direction opener)
{
	set_defaults(port, opener == IN, opener == OUT);
	return opener == OUT ? conversation(port, VM, 876, WEB, 2049)
			     : conversation(port, VM, 2049, WEB, 876);
}

static void forget_numbers(struct conversation *c)
{
	c->next[OUT] = NEW_OUT;
	c->next[IN] = NEW_IN;
}

/* From SYN on, in a session that is there already. */
static void open_anew(struct conversation *c, enum direction opener)
{
	says(c, opener, SYN, ESTABLISHED);
	says(c, !opener, SYN | ACK, ESTABLISHED);
	expect_state(c->port, c->key, SYN_RECEIVED);
	says(c, opener, ACK, ESTABLISHED);
	expect_state(c->port, c->key, TCP_ESTABLISHED);
	says_bytes(c, opener, ACK, 500, ESTABLISHED);
	says_bytes(c, !opener, ACK, 500, ESTABLISHED);
	says(c, opener, ACK, ESTABLISHED);
	/* Of the windows of before nothing is left. */
	expect_drop(c->port, opener, next_segment(c, opener, ACK, .sequence = 1U << 30),
		    GUARD_TCP_WINDOW);
}

/* ---- both ends have forgotten --------------------------------------------------------------- */

static void both_forget_an_established_connection(void **state)
{
	struct rig_port *port = *state;

	for (enum direction opener = IN; opener <= OUT; opener++) {
		struct conversation c = talk(port, opener);

		opens(&c, opener);
		says_bytes(&c, opener, ACK, 1000, ESTABLISHED);
		says(&c, !opener, ACK, ESTABLISHED);
		forget_numbers(&c);
		open_anew(&c, opener);
		closes(&c, opener);
		expect_state(port, c.key, TIME_WAIT);
	}
}

static void both_forget_a_half_closed_connection(void **state)
{
	struct rig_port *port = *state;

	for (int i = 0; i < 4; i++) {
		enum direction opener = i & 1, closer = i >> 1;
		struct conversation c = talk(port, opener);

		reset_rig(state);
		c = talk(port, opener);
		opens(&c, opener);
		says(&c, closer, FIN | ACK, ESTABLISHED);
		says(&c, !closer, ACK, ESTABLISHED);
		expect_state(port, c.key, FIN_WAIT);
		forget_numbers(&c);
		open_anew(&c, opener);
	}
}

static void both_forget_a_closing_connection(void **state)
{
	struct rig_port *port = *state;

	for (enum direction opener = IN; opener <= OUT; opener++) {
		struct conversation c = talk(port, opener);

		opens(&c, opener);
		says(&c, opener, FIN | ACK, ESTABLISHED);
		says(&c, !opener, FIN | ACK, ESTABLISHED);
		expect_state(port, c.key, CLOSING);
		forget_numbers(&c);
		open_anew(&c, opener);
	}
}

static void both_forget_a_handshake(void **state)
{
	struct rig_port *port = *state;

	for (enum direction opener = IN; opener <= OUT; opener++) {
		struct conversation c = talk(port, opener);

		says(&c, opener, SYN, NEW);
		says(&c, !opener, SYN | ACK, ESTABLISHED);
		forget_numbers(&c);
		open_anew(&c, opener);
	}
}

/* As a server's may be that makes its number of the ports alone. */
static void an_answer_may_have_the_same_number(void **state)
{
	struct rig_port *port = *state;

	for (enum direction opener = IN; opener <= OUT; opener++) {
		struct conversation c = talk(port, opener);

		says(&c, opener, SYN, NEW);
		expect_pass(port, !opener, next_segment(&c, !opener, SYN | ACK), ESTABLISHED);
		c.next[opener] = NEW_OUT;
		open_anew(&c, opener);
	}
}

static void both_forget_a_connection_that_was_picked_up(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = talk(port, OUT);
	struct session session;

	says(&c, OUT, SYN, NEW);
	assert_true(find_session(port, &c.key, &session));
	port->record.pickup_until = session.seen + LONG ? session.seen + LONG : 1;
	publish_port(port);
	c = conversation(port, VM, 40877, WEB, 2049);
	says_bytes(&c, IN, ACK, 100, PICKED_UP);
	says_bytes(&c, OUT, ACK, 100, ESTABLISHED);
	forget_numbers(&c);
	open_anew(&c, OUT);
	assert_true(find_session(port, &c.key, &session));
	assert_false(session.flags & SESSION_PICKED_UP);
}

static void the_opener_tries_until_it_is_answered(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = talk(port, OUT);

	opens(&c, OUT);
	forget_numbers(&c);
	for (int i = 0; i < 5; i++)
		expect_pass(port, OUT, next_segment(&c, OUT, SYN), ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
	/* Gives up, and comes back with another number. */
	c.next[OUT] += 12345;
	open_anew(&c, OUT);
}

static void nobody_listens_any_more(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = talk(port, OUT);

	opens(&c, OUT);
	forget_numbers(&c);
	says(&c, OUT, SYN, ESTABLISHED);
	/* As RFC 9293, 3.5.2, makes it: number 0, acknowledging the SYN. */
	expect_pass(port, IN, next_segment(&c, IN, RST | ACK, .sequence = -NEW_IN), ESTABLISHED);
	expect_state(port, c.key, CLOSED);
	says(&c, OUT, SYN, NEW);
}

/* ---- the ports change sides ----------------------------------------------------------------- */

static void the_other_side_may_open_if_the_policy_says_so(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = talk(port, OUT);
	struct session session;

	opens(&c, OUT);
	set_policy(port, "<default in='deny' out='allow'/>"
			 "<rule direction='in' action='allow'><tcp port='876'/></rule>");
	forget_numbers(&c);
	open_anew(&c, IN);
	assert_true(find_session(port, &c.key, &session));
	assert_false(session.flags & SESSION_OPENED_OUT);
	assert_int_equal(session.verdict & VERDICT_RULE_MASK, 1);
	/* It is the new opener's permission that keeps it now. */
	set_policy(port, "<default in='deny' out='allow'/>");
	says_in_vain(&c, OUT, ACK, REVOKED);
}

static void the_other_side_may_not_open_else(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = talk(port, OUT), old;

	opens(&c, OUT);
	old = c;
	forget_numbers(&c);
	says_in_vain(&c, IN, SYN, POLICY);
	advance(&c, IN, SYN, 0);
	says_in_vain(&c, OUT, SYN | ACK, TCP_STATE);
	says_bytes(&old, OUT, ACK, 10, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

/* ---- one end has forgotten, or neither ------------------------------------------------------ */

/* RFC 5961, 4: the living one asks back, the other resets it and tries again. */
static void a_challenge_still_works(void **state)
{
	struct rig_port *port = *state;

	for (enum direction opener = IN; opener <= OUT; opener++) {
		struct conversation c = talk(port, opener), old;

		opens(&c, opener);
		says_bytes(&c, !opener, ACK, 100, ESTABLISHED);
		says(&c, opener, ACK, ESTABLISHED);
		old = c;
		forget_numbers(&c);
		expect_pass(port, opener, next_segment(&c, opener, SYN), ESTABLISHED);
		says(&old, !opener, ACK, ESTABLISHED);
		says(&old, opener, RST, ESTABLISHED);
		expect_state(port, c.key, CLOSED);
		opens(&c, opener);
	}
}

/* The answerer has sent more than the opener has got when that forgets. */
static void a_challenge_with_data_under_way_works(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = talk(port, IN), old;

	opens(&c, IN);
	says_bytes(&c, IN, ACK, 100, ESTABLISHED);
	says_bytes(&c, OUT, ACK, 1000, ESTABLISHED);
	old = c;
	forget_numbers(&c);
	says(&c, IN, SYN, ESTABLISHED);
	says(&old, OUT, ACK, ESTABLISHED);
	expect_pass(port, IN, next_segment(&old, IN, RST), ESTABLISHED);
	expect_state(port, c.key, CLOSED);
}

static void a_strangers_syn_ends_and_starts_nothing(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = talk(port, IN);
	struct session before, after;

	opens(&c, IN);
	says_bytes(&c, IN, ACK, 100, ESTABLISHED);
	assert_true(find_session(port, &c.key, &before));
	for (uint32_t i = 1; i <= 20; i++)
		expect_pass(port, IN, next_segment(&c, IN, SYN, .sequence = i * 200000000),
			    ESTABLISHED);
	assert_true(find_session(port, &c.key, &after));
	assert_int_equal(after.state, STATE_TCP_ESTABLISHED);
	assert_memory_equal(before.window, after.window, sizeof(before.window));
	/* Both ends go on. */
	says(&c, OUT, ACK, ESTABLISHED);
	says_bytes(&c, IN, ACK, 100, ESTABLISHED);
	says_bytes(&c, OUT, ACK, 100, ESTABLISHED);
	/* The stranger cannot answer for the VM, nor itself. */
	expect_drop(port, IN, next_segment(&c, IN, SYN | ACK, .sequence = 200000001), TCP_STATE);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

/* Both ends have forgotten, and the opener asks. A SYN of the other side, if it is forged, is not
 * in the way; if it comes again, it may be the opener's that was forged. */
static void a_strangers_syn_does_not_hide_the_openers(void **state)
{
	struct rig_port *port = *state;

	for (enum direction opener = IN; opener <= OUT; opener++) {
		struct conversation c = conversation(port, VM, 876, WEB, 2049), other;

		reset_rig(state);
		set_defaults(port, true, true);
		opens(&c, opener);
		other = c;
		forget_numbers(&c);
		expect_pass(port, !opener, next_segment(&other, !opener, SYN, .sequence = 555555),
			    ESTABLISHED);
		says(&c, opener, SYN, ESTABLISHED);
		expect_pass(port, !opener, next_segment(&other, !opener, SYN, .sequence = 777777),
			    ESTABLISHED);
		says(&c, !opener, SYN | ACK, ESTABLISHED);
		says(&c, opener, ACK, ESTABLISHED);
		expect_state(port, c.key, TCP_ESTABLISHED);
	}
}

static void the_other_sides_syn_counts_when_it_comes_again(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 876, WEB, 2049);

	set_defaults(port, true, true);
	opens(&c, OUT);
	expect_pass(port, OUT, next_segment(&c, OUT, SYN, .sequence = 555555), ESTABLISHED);
	forget_numbers(&c);
	expect_pass(port, IN, next_segment(&c, IN, SYN), ESTABLISHED);
	open_anew(&c, IN);
}

/* One end has forgotten, and the other holds a third connection: of a forged SYN, for example. */
static void an_answer_to_a_third_syn_is_reset(void **state)
{
	struct rig_port *port = *state;
	const uint8_t answers[] = {ACK, SYN | ACK};

	for (size_t i = 0; i < sizeof(answers); i++) {
		struct conversation c = conversation(port, VM, 876, WEB, 2049);
		struct session before, after;
		struct packet stray;

		reset_rig(state);
		opens(&c, OUT);
		/* Nobody asks: it is out of place. */
		stray = next_segment(&c, IN, answers[i], .sequence = 1700000000,
				     .acknowledgment = 1 << 30);
		if (answers[i] & SYN)
			expect_drop(port, IN, stray, TCP_STATE);
		else
			expect_drop(port, IN, stray, GUARD_TCP_WINDOW);
		c.next[OUT] = NEW_OUT;
		says(&c, OUT, SYN, ESTABLISHED);
		assert_true(find_session(port, &c.key, &before));
		expect_pass(port, IN,
			    next_segment(&c, IN, answers[i], .sequence = 1700000000,
					 .acknowledgment = 1 << 30),
			    ESTABLISHED);
		expect_pass(port, OUT, next_segment(&c, OUT, RST, .sequence = 1 << 30),
			    ESTABLISHED);
		assert_true(find_session(port, &c.key, &after));
		assert_int_equal(after.state, STATE_TCP_ESTABLISHED);
		assert_memory_equal(before.window, after.window, sizeof(before.window));
		c.next[IN] = NEW_IN;
		c.next[OUT] = NEW_OUT;
		open_anew(&c, OUT);
	}
}

static void a_syn_does_not_keep_a_session_alive(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = talk(port, IN);

	port->rig->settings.timeout[STATE_TCP_ESTABLISHED] = LONG;
	apply_rig_settings(port->rig);
	opens(&c, IN);
	age_session(port, &c.key, LONG - MARGIN);
	forget_numbers(&c);
	says(&c, IN, SYN, ESTABLISHED);
	age_session(port, &c.key, 2 * MARGIN);
	expect_pass(port, IN, next_segment(&c, IN, SYN), NEW);
}

/* The SYN that the connection began with comes late, and so does its answer. */
static void a_late_handshake_does_not_start_anew(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = talk(port, OUT);
	struct packet syn = next_segment(&c, OUT, SYN), answer;
	struct session before, after;

	says(&c, OUT, SYN, NEW);
	answer = next_segment(&c, IN, SYN | ACK);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	for (int i = 0; i < 10; i++) {
		says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
		says(&c, OUT, ACK, ESTABLISHED);
	}
	assert_true(find_session(port, &c.key, &before));
	expect_pass(port, OUT, syn, ESTABLISHED);
	expect_pass(port, IN, answer, ESTABLISHED);
	assert_true(find_session(port, &c.key, &after));
	assert_int_equal(after.state, STATE_TCP_ESTABLISHED);
	assert_memory_equal(before.window, after.window, sizeof(before.window));
}

/* Of the other side's answer only a repetition passes, which has its number. Any other is of a
 * connection that nobody has allowed. */
static void an_answer_is_repeated_with_its_own_number(void **state)
{
	static const int32_t others[] = {-2,   -1,     1,     2,       501,
					 -500, -50000, 50000, 1 << 30, -(1 << 30)};
	struct rig_port *port = *state;

	for (int spoken = 0; spoken < 2; spoken++) {
		struct conversation c, start;

		reset_rig(state);
		c = talk(port, OUT);
		says(&c, OUT, SYN, NEW);
		start = c;
		says(&c, IN, SYN | ACK, ESTABLISHED);
		says(&c, OUT, ACK, ESTABLISHED);
		if (spoken) {
			says_bytes(&c, OUT, ACK, 500, ESTABLISHED);
			says_bytes(&c, IN, ACK, 500, ESTABLISHED);
			says(&c, OUT, ACK, ESTABLISHED);
		}
		expect_pass(port, IN, next_segment(&start, IN, SYN | ACK), ESTABLISHED);
		for (size_t i = 0; i < ARRAY_SIZE(others); i++)
			expect_drop(port, IN,
				    next_segment(&start, IN, SYN | ACK, .sequence = others[i]),
				    TCP_STATE);
		expect_state(port, c.key, TCP_ESTABLISHED);
	}
}

/* The opener's last word of the handshake is lost behind us, and the other side speaks first: only
 * its repeated answer brings that word again. A forged SYN in its name does not prevent it. */
static void a_strangers_syn_does_not_stop_a_repeated_answer(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 876, WEB, 2049);
	struct packet answer;

	set_defaults(port, true, true);
	says(&c, OUT, SYN, NEW);
	answer = next_segment(&c, IN, SYN | ACK);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, SYN, .sequence = 123456789), ESTABLISHED);
	expect_pass(port, IN, answer, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	says_bytes(&c, IN, ACK, 500, ESTABLISHED);
}

/* ---- permission ----------------------------------------------------------------------------- */

/* The server has closed the connection that was kept, and the guest repeats the SYN of it. */
static void a_kept_connection_is_not_opened_again(void **state)
{
	struct rig_port *port = *state;
	struct conversation c, start;

	for (int half_closed = 0; half_closed < 2; half_closed++) {
		reset_rig(state);
		set_policy(port, "<default in='deny' out='deny'/>"
				 "<rule direction='out' action='allow' keep-established='yes'>"
				 "<tcp port='2049'/></rule>");
		c = conversation(port, VM, 876, WEB, 2049);
		start = c;
		opens(&c, OUT);
		says_bytes(&c, OUT, ACK, 500, ESTABLISHED);
		says_bytes(&c, IN, ACK, 500, ESTABLISHED);
		says(&c, OUT, ACK, ESTABLISHED);
		if (half_closed) {
			says(&c, IN, FIN | ACK, ESTABLISHED);
			says(&c, OUT, ACK, ESTABLISHED);
		}
		expect_pass(port, OUT, next_segment(&start, OUT, SYN), ESTABLISHED);
		set_defaults(port, false, false);
		says(&c, OUT, ACK, ESTABLISHED);
		expect_drop(port, OUT, next_segment(&start, OUT, SYN), POLICY);
		expect_drop(port, OUT, next_segment(&c, OUT, SYN), POLICY);
		advance(&start, OUT, SYN, 0);
		for (int32_t above = 1; above < 1 << 28; above *= 8) {
			expect_drop(port, IN,
				    next_segment(&start, IN, SYN | ACK, .sequence = above),
				    TCP_STATE);
			expect_drop(port, IN,
				    next_segment(&start, IN, SYN | ACK, .sequence = -above),
				    TCP_STATE);
		}
		says_bytes(&c, OUT, ACK, 500, ESTABLISHED);
	}
}

/* Somebody opens a connection in the name of a server that the guest may not reach, and the guest
 * answers. That is no leave for the guest to open one. */
static void a_guest_opens_nothing_with_an_accomplice(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = talk(port, IN), start;
	struct packet answer;

	says(&c, IN, SYN, NEW);
	start = c;
	answer = next_segment(&c, OUT, SYN | ACK);
	says(&c, OUT, SYN | ACK, ESTABLISHED);
	says(&c, IN, ACK, ESTABLISHED);
	expect_drop(port, OUT, next_segment(&start, OUT, SYN), POLICY);
	expect_drop(port, OUT, next_segment(&start, OUT, SYN, .sequence = 1), POLICY);
	says_bytes(&c, IN, ACK, 500, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	advance(&start, OUT, SYN, 0);
	for (int32_t below = 2; below < 1 << 26; below *= 8)
		expect_drop(port, IN, next_segment(&start, IN, SYN | ACK, .sequence = -below),
			    TCP_STATE);
	expect_pass(port, OUT, answer, ESTABLISHED);
	says_bytes(&c, IN, ACK, 500, ESTABLISHED);
}

static void an_accepted_syn_waits_for_its_answer(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = talk(port, OUT);

	port->rig->settings.timeout[STATE_TIME_WAIT] = LONG;
	apply_rig_settings(port->rig);
	opens(&c, OUT);
	closes(&c, OUT);
	age_session(port, &c.key, LONG - MARGIN);
	forget_numbers(&c);
	says(&c, OUT, SYN, NEW);
	age_session(port, &c.key, LONG - MARGIN);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

/* ---- the handshake -------------------------------------------------------------------------- */

/* A SYN cookie that was made anew, or another server behind the same address. */
static void an_answer_with_another_number_counts(void **state)
{
	struct rig_port *port = *state;

	for (enum direction opener = IN; opener <= OUT; opener++) {
		struct conversation c = talk(port, opener);

		says(&c, opener, SYN, NEW);
		expect_pass(port, !opener, next_segment(&c, !opener, SYN | ACK), ESTABLISHED);
		c.next[!opener] += 1500000000;
		says(&c, !opener, SYN | ACK, ESTABLISHED);
		says(&c, opener, ACK, ESTABLISHED);
		expect_state(port, c.key, TCP_ESTABLISHED);
		says_bytes(&c, !opener, ACK, 1000, ESTABLISHED);
	}
}

/* Of two SYNs with different numbers one may be forged; whichever is answered counts. */
static void each_of_two_syns_may_be_answered(void **state)
{
	struct rig_port *port = *state;

	for (int second = 0; second < 2; second++) {
		struct conversation c = talk(port, IN), other;

		reset_rig(state);
		c = talk(port, IN);
		other = c;
		other.next[IN] += 123456789;
		says(&c, IN, SYN, NEW);
		says(&other, IN, SYN, ESTABLISHED);
		if (second)
			c = other;
		says(&c, OUT, SYN | ACK, ESTABLISHED);
		says(&c, IN, ACK, ESTABLISHED);
		expect_state(port, c.key, TCP_ESTABLISHED);
		says_bytes(&c, OUT, ACK, 1000, ESTABLISHED);
		says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
	}
}

/* The count that the limit goes by: each handshake once. */
static void a_new_start_is_half_open_once(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = talk(port, OUT);

	opens(&c, OUT);
	assert_int_equal(read_rig_port_state(port).half_open, 0);
	forget_numbers(&c);
	says(&c, OUT, SYN, ESTABLISHED);
	assert_int_equal(read_rig_port_state(port).half_open, 0);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	assert_int_equal(read_rig_port_state(port).half_open, 1);
	says(&c, OUT, ACK, ESTABLISHED);
	assert_int_equal(read_rig_port_state(port).half_open, 0);
	assert_int_equal(count_sessions(port), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(both_forget_an_established_connection),
		rig_test(both_forget_a_half_closed_connection),
		rig_test(both_forget_a_closing_connection),
		rig_test(both_forget_a_handshake),
		rig_test(an_answer_may_have_the_same_number),
		rig_test(both_forget_a_connection_that_was_picked_up),
		rig_test(the_opener_tries_until_it_is_answered),
		rig_test(nobody_listens_any_more),
		rig_test(the_other_side_may_open_if_the_policy_says_so),
		rig_test(the_other_side_may_not_open_else),
		rig_test(a_challenge_still_works),
		rig_test(a_challenge_with_data_under_way_works),
		rig_test(a_strangers_syn_ends_and_starts_nothing),
		rig_test(a_strangers_syn_does_not_hide_the_openers),
		rig_test(the_other_sides_syn_counts_when_it_comes_again),
		rig_test(an_answer_to_a_third_syn_is_reset),
		rig_test(a_syn_does_not_keep_a_session_alive),
		rig_test(a_late_handshake_does_not_start_anew),
		rig_test(an_answer_is_repeated_with_its_own_number),
		rig_test(a_strangers_syn_does_not_stop_a_repeated_answer),
		rig_test(a_kept_connection_is_not_opened_again),
		rig_test(a_guest_opens_nothing_with_an_accomplice),
		rig_test(an_accepted_syn_waits_for_its_answer),
		rig_test(an_answer_with_another_number_counts),
		rig_test(each_of_two_syns_may_be_answered),
		rig_test(a_new_start_is_half_open_once),
	};

	return run_rig_tests(tests);
}
