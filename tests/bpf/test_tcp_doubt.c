/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments that their receiver throws away, for a bad checksum or an old timestamp or because
 * somebody else has sent them, and which cannot be told from others here: they may pass, but what
 * the two ends say after them is accepted as before. And what ends do say that looks odd.
 */
#include "tests/bpf/bpf_test.h"

#include <bpf/bpf.h>

#define MEGABYTE (1 << 20)
#define LONG     1000000
#define MARGIN   500000

/* Handshake of the VM with windows of 1000. */
static struct conversation open_small(struct rig_port *port)
{
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	expect_pass(port, OUT, next_segment(&c, OUT, SYN, .window = 1000), NEW);
	advance(&c, OUT, SYN, 0);
	expect_pass(port, IN, next_segment(&c, IN, SYN | ACK, .window = 1000), ESTABLISHED);
	advance(&c, IN, SYN, 0);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = 1000), ESTABLISHED);
	return c;
}

/* Data both ways, acknowledged both ways, with the window given. */
static void go_on(struct conversation *c, int window)
{
	for (int i = 0; i < 3; i++) {
		for (enum direction d = IN; d <= OUT; d++) {
			expect_pass(c->port, d,
				    next_segment(c, d, ACK, .window = window, .payload = 900),
				    ESTABLISHED);
			advance(c, d, 0, 900);
			expect_pass(c->port, !d, next_segment(c, !d, ACK, .window = window),
				    ESTABLISHED);
		}
	}
	expect_state(c->port, c->key, TCP_ESTABLISHED);
}

static void set_timeout(struct rig_port *port, enum session_state state, uint32_t jiffies)
{
	port->rig->settings.timeout[state] = jiffies;
	apply_rig_settings(port->rig);
}

/* ---- windows -------------------------------------------------------------------------------- */

/* Each lies as far out as is accepted, and carries all that could move a bound. */
static void forged_segments_lift_no_bound_for_good(void **state)
{
	struct rig_port *port = *state;

	for (enum direction d = IN; d <= OUT; d++) {
		struct conversation c;

		reset_rig(state);
		c = open_small(port);
		go_on(&c, 1000);
		for (int i = 0; i < 50; i++) {
			struct packet far =
				next_segment(&c, d, ACK, .sequence = 2000, .acknowledgment = 1000,
					     .window = 1000, .payload = 1000);

			run_frame(port, d, &far);
			far = next_segment(&c, d, ACK, .sequence = 1000 + i,
					   .acknowledgment = 900 + i, .window = 1000,
					   .payload = 1000);
			run_frame(port, d, &far);
		}
		/* Out of reach still: nothing has walked away. */
		expect_drop(port, d, next_segment(&c, d, ACK, .sequence = 2001), GUARD_TCP_WINDOW);
		go_on(&c, 1000);
	}
}

/* The other side's next acknowledgments are not too old for it. */
static void a_forged_window_shuts_nobody_out(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	expect_pass(port, IN,
		    next_segment(&c, IN, ACK, .sequence = 1900, .window = 65535, .payload = 1000),
		    ESTABLISHED);
	expect_pass(port, IN,
		    next_segment(&c, IN, ACK, .acknowledgment = 1000, .window = ZERO_WINDOW),
		    ESTABLISHED);
	go_on(&c, 1000);
}

/* What PAWS (RFC 7323, 5) throws away after the sequence numbers have come round, or after a clock
 * was set: old segments whose numbers are right again. */
static void segments_with_an_old_timestamp_change_nothing(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	go_on(&c, 1000);
	expect_pass(port, IN, next_segment(&c, IN, ACK | PSH, .sequence = 700, .payload = 300),
		    ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, FIN | ACK, .sequence = 200), ESTABLISHED);
	go_on(&c, 1000);
}

static void blind_data_is_dropped(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	/* In the window, with an acknowledgment that is a guess (RFC 5961, 5). */
	for (uint32_t guess = 1; guess < 32; guess++)
		expect_drop(port, IN,
			    next_segment(&c, IN, ACK, .acknowledgment = guess << 27, .payload = 10),
			    GUARD_TCP_WINDOW);
	go_on(&c, 1000);
}

/* ---- TCP in fragments ----------------------------------------------------------------------- */

/* How much data a first fragment begins is not known. */
static void a_transfer_in_fragments_goes_on(void **state)
{
	static const int windows[] = {1000, 8192, 29200, 65535};
	struct rig_port *port = *state;

	for (size_t w = 0; w < ARRAY_SIZE(windows); w++) {
		struct conversation c;

		reset_rig(state);
		c = open_small(port);
		set_defaults(port, true, true);
		expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = windows[w]),
			    ESTABLISHED);
		for (uint32_t i = 0; i < 100; i++) {
			struct packet data =
				next_segment(&c, IN, ACK, .payload = 900, .window = 1000);

			expect_pass(port, IN, fragment(i, 0, 480, data), ESTABLISHED);
			expect_pass(port, IN, fragment(i, 480, 0, data), FRAGMENT_FOLLOWS);
			/* Once more, because something was lost. */
			expect_pass(port, IN, fragment(1000 + i, 0, 480, data), ESTABLISHED);
			advance(&c, IN, 0, 900);
			expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = windows[w]),
				    ESTABLISHED);
			/* And whole. */
			says_bytes(&c, IN, ACK, 100, ESTABLISHED);
			expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = windows[w]),
				    ESTABLISHED);
		}
		closes(&c, IN);
		expect_state(port, c.key, TIME_WAIT);
	}
}

/* Where it is, is not known; the other side's and its repetition are. */
static void a_fin_in_a_fragment_counts_when_it_is_whole(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);
	struct packet last = next_segment(&c, IN, FIN | ACK, .payload = 900);

	expect_pass(port, IN, fragment(1, 0, 480, last), ESTABLISHED);
	expect_pass(port, IN, fragment(1, 480, 0, last), FRAGMENT_FOLLOWS);
	expect_state(port, c.key, TCP_ESTABLISHED);
	expect_pass(port, IN, last, ESTABLISHED);
	advance(&c, IN, FIN, 900);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, FIN_WAIT);
}

/* ---- FIN ------------------------------------------------------------------------------------ */

static void a_fin_that_nobody_acknowledges_ends_nothing(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	set_timeout(port, STATE_FIN_WAIT, LONG);
	set_timeout(port, STATE_CLOSING, LONG);
	expect_pass(port, IN, next_segment(&c, IN, FIN | ACK), ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, FIN | ACK, .sequence = 500), ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, FIN | ACK, .payload = 100), ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
	age_session(port, &c.key, LONG + MARGIN);
	go_on(&c, 1000);
}

/* Data reaches the number that a forged FIN had; what is acknowledged beyond shows what it was. */
static void a_fin_is_refuted_by_more_data(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	expect_pass(port, IN, next_segment(&c, IN, FIN | ACK, .sequence = 99), ESTABLISHED);
	says_bytes(&c, IN, ACK, 100, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, FIN_WAIT);
	says_bytes(&c, IN, ACK, 100, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
	closes(&c, IN);
	expect_state(port, c.key, TIME_WAIT);
}

/* Beyond the true one, or before it. */
static void a_forged_fin_does_not_hide_the_true_one(void **state)
{
	static const int32_t forged[] = {-1, 1, 50, 500, 1900};
	struct rig_port *port = *state;

	for (size_t i = 0; i < ARRAY_SIZE(forged); i++) {
		struct conversation c;

		reset_rig(state);
		c = open_small(port);
		expect_pass(port, IN, next_segment(&c, IN, FIN | ACK, .sequence = forged[i]),
			    ESTABLISHED);
		closes(&c, IN);
		expect_state(port, c.key, TIME_WAIT);
	}
}

/* ---- RST ------------------------------------------------------------------------------------ */

/* Its receiver has thrown it away, and both go on. */
static void a_connection_outlives_a_forged_reset(void **state)
{
	struct rig_port *port = *state;

	set_timeout(port, STATE_CLOSED, LONG);
	for (int i = 0; i < 4; i++) {
		enum direction of = i & 1, speaks = i >> 1;
		struct conversation c;

		reset_rig(state);
		set_timeout(port, STATE_CLOSED, LONG);
		c = open_small(port);
		says(&c, of, RST | ACK, ESTABLISHED);
		expect_state(port, c.key, CLOSED);
		says_bytes(&c, speaks, ACK, 100, ESTABLISHED);
		expect_state(port, c.key, CLOSED);
		says(&c, !speaks, ACK, ESTABLISHED);
		expect_state(port, c.key, TCP_ESTABLISHED);
		age_session(port, &c.key, LONG + MARGIN);
		go_on(&c, 1000);
	}
}

/* A true one: what was under way is acknowledged or not, the session stays closed. */
static void what_was_sent_before_a_reset_revives_nothing(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port), before;

	says_bytes(&c, IN, ACK, 100, ESTABLISHED);
	says_bytes(&c, OUT, ACK, 100, ESTABLISHED);
	before = c;
	says(&c, IN, RST, ESTABLISHED);
	expect_state(port, c.key, CLOSED);
	says(&before, OUT, ACK, ESTABLISHED);
	says(&before, IN, ACK, ESTABLISHED);
	says_bytes(&before, OUT, ACK, 100, ESTABLISHED);
	says(&before, IN, RST, ESTABLISHED);
	expect_state(port, c.key, CLOSED);
}

static void a_reset_session_lasts_a_while_from_the_reset_on(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	set_timeout(port, STATE_CLOSED, LONG);
	age_session(port, &c.key, LONG + MARGIN);
	says(&c, IN, RST, ESTABLISHED);
	says_bytes(&c, OUT, ACK, 100, ESTABLISHED);
	expect_state(port, c.key, CLOSED);
}

/* In the window, but not at the number that is expected: the receiver asks back (RFC 5961, 3). */
static void blind_resets_end_nothing(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	go_on(&c, 1000);
	for (uint32_t i = 1; i < 1000; i += 37) {
		expect_pass(port, IN, next_segment(&c, IN, RST, .sequence = i), ESTABLISHED);
		expect_pass(port, IN, next_segment(&c, IN, RST | ACK, .sequence = i), ESTABLISHED);
		says(&c, OUT, ACK, ESTABLISHED);
	}
	go_on(&c, 1000);
}

/* ReDAN: one who knows the ports, but no numbers, resets what a NAT or a firewall keeps. */
static void resets_without_numbers_end_nothing(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	for (uint32_t i = 1; i < 32; i++) {
		expect_drop(port, IN, next_segment(&c, IN, RST, .sequence = i << 27),
			    GUARD_TCP_WINDOW);
		expect_drop(port, IN,
			    next_segment(&c, IN, RST | ACK, .sequence = i << 26,
					 .acknowledgment = i << 27),
			    GUARD_TCP_WINDOW);
	}
	expect_drop(port, IN, tcp(WEB, VM, 80, 40000, RST, .sequence = 0), GUARD_TCP_WINDOW);
	go_on(&c, 1000);
}

/* ---- handshakes ----------------------------------------------------------------------------- */

/* A SYN as the server's, while the VM waits for its answer: a guess, or with a bad checksum. */
static void a_forged_syn_does_not_hide_the_answer(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 45555, WEB, 443), forged;

	says(&c, OUT, SYN, NEW);
	for (uint32_t i = 1; i < 6; i++) {
		forged = c;
		forged.next[IN] += i * 777777777;
		expect_pass(port, IN, next_segment(&forged, IN, SYN), ESTABLISHED);
	}
	says(&c, IN, SYN | ACK, ESTABLISHED);
	/* Now that the answer is there, it is not displaced either. */
	says_in_vain(&forged, IN, SYN, POLICY);
	says(&c, OUT, ACK, ESTABLISHED);
	go_on(&c, 1000);
}

/* SYN and ACK with a damaged number: the true one comes again and counts. */
static void a_damaged_answer_does_not_hide_the_true_one(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	says(&c, OUT, SYN, NEW);
	expect_pass(port, IN, next_segment(&c, IN, SYN | ACK, .sequence = 0x10000000), ESTABLISHED);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	go_on(&c, 1000);
}

/* A peer that holds a half-open connection of another SYN. The opener's reset frees it. */
static void an_answer_to_another_syn_is_reset(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	says(&c, OUT, SYN, NEW);
	expect_pass(port, IN, next_segment(&c, IN, SYN | ACK, .acknowledgment = 643160523),
		    ESTABLISHED);
	expect_state(port, c.key, SYN_SENT);
	expect_pass(port, OUT, next_segment(&c, OUT, RST, .sequence = 643160523), ESTABLISHED);
	expect_state(port, c.key, SYN_SENT);
	expect_pass(port, OUT, next_segment(&c, OUT, SYN, .sequence = -1), ESTABLISHED);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	go_on(&c, 1000);
}

/* The same, where a SYN was forged in the peer's name before: then the VM counts as the answerer.
 */
static void an_answer_to_another_syn_is_reset_by_either_side(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	set_defaults(port, true, true);
	expect_drop(port, OUT, next_segment(&c, OUT, SYN | ACK), TCP_STATE);
	expect_pass(port, IN, next_segment(&c, IN, SYN, .sequence = 99999999), NEW);
	/* Nobody has asked who could reset anything. */
	expect_drop(port, IN, next_segment(&c, IN, SYN | ACK, .acknowledgment = 643160523),
		    TCP_STATE);
	expect_drop(port, OUT, next_segment(&c, OUT, RST, .sequence = 643160523), TCP_STATE);
	says(&c, OUT, SYN, ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, SYN | ACK, .acknowledgment = 643160523),
		    ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, RST, .sequence = 643160523), ESTABLISHED);
	expect_state(port, c.key, SYN_SENT);
	expect_pass(port, OUT, next_segment(&c, OUT, SYN, .sequence = -1), ESTABLISHED);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	go_on(&c, 1000);
}

/* Two servers behind one address, or a duplicate of an older answer: `taken` says which one the
 * opener acknowledges, and a third may come. */
static void either_of_two_answers_counts(void **state)
{
	struct rig_port *port = *state;

	for (int taken = 0; taken < 2; taken++) {
		for (int repeated = 0; repeated < 2; repeated++) {
			struct conversation c, other;

			reset_rig(state);
			c = conversation(port, VM, 40000, WEB, 80);
			says(&c, OUT, SYN, NEW);
			other = c;
			other.next[IN] += 77777000;
			says(&c, IN, SYN | ACK, ESTABLISHED);
			says(&other, IN, SYN | ACK, ESTABLISHED);
			if (repeated) {
				expect_pass(port, IN,
					    next_segment(&c, IN, SYN | ACK, .sequence = -1),
					    ESTABLISHED);
				expect_pass(port, OUT, next_segment(&c, OUT, SYN, .sequence = -1),
					    ESTABLISHED);
			}
			if (taken)
				c = other;
			says(&c, OUT, ACK, ESTABLISHED);
			go_on(&c, 1000);
			closes(&c, OUT);
			expect_state(port, c.key, TIME_WAIT);
		}
	}
}

/* The first word of the opener may be a FIN, and the first answer stays possible after a third. */
static void the_first_of_three_answers_counts(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	says(&c, OUT, SYN, NEW);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	for (uint32_t i = 1; i <= 2; i++)
		expect_pass(port, IN, next_segment(&c, IN, SYN | ACK, .sequence = i << 28),
			    ESTABLISHED);
	says(&c, OUT, FIN | ACK, ESTABLISHED);
	says(&c, IN, FIN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, TIME_WAIT);
}

/* The answerer sends SYN alone, and the opener SYN and ACK (Beardsley and Qian, "The TCP Split
 * Handshake"); with and without an ACK first. */
static void a_split_handshake_establishes(void **state)
{
	struct rig_port *port = *state;

	for (int ack_first = 0; ack_first < 2; ack_first++) {
		struct conversation c;

		reset_rig(state);
		c = conversation(port, VM, 40000, WEB, 80);
		says(&c, OUT, SYN, NEW);
		if (ack_first)
			says(&c, IN, ACK, ESTABLISHED);
		says(&c, IN, SYN, ESTABLISHED);
		expect_pass(port, OUT, next_segment(&c, OUT, SYN | ACK, .sequence = -1),
			    ESTABLISHED);
		says(&c, IN, ACK, ESTABLISHED);
		go_on(&c, 1000);
	}
}

static void a_simultaneous_handshake_survives_a_forged_syn(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	says(&c, OUT, SYN, NEW);
	expect_pass(port, IN, next_segment(&c, IN, SYN, .sequence = 99999999), ESTABLISHED);
	says(&c, IN, SYN, ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, SYN | ACK, .sequence = -1), ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, SYN | ACK, .sequence = -1), ESTABLISHED);
	go_on(&c, 1000);
}

/* TCP fast open (RFC 7413): the answer takes the data of the SYN or leaves it, and the answerer
 * speaks at once. */
static void fast_open_data_may_be_taken_or_left(void **state)
{
	struct rig_port *port = *state;

	for (int taken = 0; taken < 2; taken++) {
		struct conversation c;

		reset_rig(state);
		c = conversation(port, VM, 40000, WEB, 80);
		expect_pass(port, OUT, next_segment(&c, OUT, SYN, .payload = 500), NEW);
		/* It is sent again without the data when no answer comes. */
		expect_pass(port, OUT, next_segment(&c, OUT, SYN), ESTABLISHED);
		advance(&c, OUT, SYN, taken ? 500 : 0);
		says(&c, IN, SYN | ACK, ESTABLISHED);
		says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
		says(&c, OUT, ACK, ESTABLISHED);
		if (!taken)
			says_bytes(&c, OUT, ACK, 500, ESTABLISHED);
		go_on(&c, 1000);
	}
}

/* SYNs are sent again without options when no answer comes; whichever arrives decides. */
static void a_scale_counts_if_any_syn_had_it(void **state)
{
	const struct bytes scale = BYTES(NOP, SCALE(7)), none = {0};
	struct rig_port *port = *state;

	for (int i = 0; i < 4; i++) {
		struct conversation c;

		reset_rig(state);
		c = conversation(port, VM, 40000, WEB, 80);
		expect_pass(port, OUT, next_segment(&c, OUT, SYN, .options = i & 1 ? scale : none),
			    NEW);
		expect_pass(port, OUT, next_segment(&c, OUT, SYN, .options = i & 1 ? none : scale),
			    ESTABLISHED);
		advance(&c, OUT, SYN, 0);
		expect_pass(port, IN,
			    next_segment(&c, IN, SYN | ACK, .options = i & 2 ? scale : none),
			    ESTABLISHED);
		expect_pass(port, IN,
			    next_segment(&c, IN, SYN | ACK, .options = i & 2 ? none : scale),
			    ESTABLISHED);
		advance(&c, IN, SYN, 0);
		expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = 1000), ESTABLISHED);
		expect_pass(port, IN,
			    next_segment(&c, IN, ACK, .sequence = 127000, .payload = 1000,
					 .window = 1000),
			    ESTABLISHED);
		expect_pass(port, OUT, next_segment(&c, OUT, ACK, .sequence = 127000), ESTABLISHED);
	}
}

/* A handshake is ended by who acknowledges the answer, not by what is left of a connection. */
static void an_old_segment_does_not_end_a_handshake(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	says(&c, OUT, SYN, NEW);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .acknowledgment = -1), ESTABLISHED);
	expect_state(port, c.key, SYN_RECEIVED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

/* ---- after the end -------------------------------------------------------------------------- */

/* A SYN on the ports of a connection that is over, or seems to be: it may be nobody's. */
static void a_forged_syn_does_not_cut_off_the_last_words(void **state)
{
	struct rig_port *port = *state;

	for (enum direction closer = IN; closer <= OUT; closer++) {
		struct conversation c, forged;

		reset_rig(state);
		set_defaults(port, true, true);
		c = open_small(port);
		says(&c, closer, FIN | ACK, ESTABLISHED);
		says(&c, !closer, FIN | ACK, ESTABLISHED);
		/* Acknowledges all, with a bad checksum. */
		expect_pass(port, closer, next_segment(&c, closer, ACK), ESTABLISHED);
		expect_state(port, c.key, TIME_WAIT);
		forged = c;
		forged.next[IN] += 692804328;
		says(&forged, IN, SYN, NEW);
		expect_pass(port, !closer, next_segment(&c, !closer, FIN | ACK, .sequence = -1),
			    ESTABLISHED);
		says(&c, closer, ACK, ESTABLISHED);
	}
}

static void a_forged_syn_after_a_forged_reset_ends_nothing(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port), forged;

	set_policy(port, "<default in='allow' out='allow'/>");
	says(&c, IN, RST, ESTABLISHED);
	forged = c;
	forged.next[IN] += 692804328;
	says(&forged, IN, SYN, NEW);
	go_on(&c, 1000);
}

/* The other end's next connection is not taken for the answer to a SYN that nobody has sent. */
static void a_forged_syn_does_not_hide_the_next_connection(void **state)
{
	static const uint32_t numbers[] = {1047600073, 3369665330U, 66539, 65539};
	struct rig_port *port = *state;

	for (int over = 0; over < 2; over++) {
		for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
			struct conversation c;

			reset_rig(state);
			set_defaults(port, true, true);
			c = open_small(port);
			closes(&c, OUT);
			if (over) /* the old session is not there any more */
				age_session(port, &c.key, 1U << 30);
			expect_pass(port, IN, tcp(WEB, VM, 80, 40000, SYN, .sequence = numbers[i]),
				    NEW);
			c.next[OUT] += 66539;
			c.next[IN] += 65539;
			check_frame(port, OUT, next_segment(&c, OUT, SYN, .window = 1000),
				    OUTCOME_PASS, over ? REASON_ESTABLISHED : REASON_NEW, HERE);
			advance(&c, OUT, SYN, 0);
			says(&c, IN, SYN | ACK, ESTABLISHED);
			says(&c, OUT, ACK, ESTABLISHED);
			go_on(&c, 1000);
		}
	}
}

/* The server's half-open entry of a SYN that somebody else has sent: it asks back, and the VM
 * resets it. */
static void a_third_connection_can_be_reset(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	closes(&c, OUT);
	c.next[OUT] += 1 << 30;
	says(&c, OUT, SYN, NEW);
	expect_pass(port, IN,
		    next_segment(&c, IN, ACK, .sequence = 0x70000000, .acknowledgment = 0x30000000),
		    ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, RST, .sequence = 0x30000000), ESTABLISHED);
	/* No more than that. */
	expect_drop(port, IN,
		    next_segment(&c, IN, ACK, .sequence = 0x70000000, .acknowledgment = 0x30000000,
				 .payload = 1),
		    GUARD_TCP_WINDOW);
	/* The server may reset what it takes for an answer to a SYN that it has not sent. */
	expect_pass(port, IN, next_segment(&c, IN, RST, .sequence = 0x70000000), ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, SYN, .sequence = -1), ESTABLISHED);
	c.next[IN] += 1 << 29;
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	go_on(&c, 1000);
}

/* A SYN of before comes late, between the latest one and its answer. */
static void an_older_syn_does_not_hide_the_latest(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	struct packet older = next_segment(&c, OUT, SYN);

	says(&c, OUT, SYN, NEW);
	c.next[OUT] += 5000000;
	says(&c, OUT, SYN, ESTABLISHED);
	expect_pass(port, OUT, older, ESTABLISHED);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	go_on(&c, 1000);
}

/* The same, when the older one has been answered already. */
static void an_answered_syn_does_not_hide_the_latest(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	struct packet older = next_segment(&c, OUT, SYN);

	says(&c, OUT, SYN, NEW);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	c.next[OUT] += 5000000;
	c.next[IN] += 7000;
	says(&c, OUT, SYN, ESTABLISHED);
	expect_pass(port, OUT, older, ESTABLISHED);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	go_on(&c, 1000);
}

/* Its own permission is what another connection needs, even where old ones may go on. */
static void a_kept_session_keeps_no_ports(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	set_policy(port, "<default in='deny' out='deny'/>"
			 "<rule direction='out' action='allow' keep-established='yes'>"
			 "<tcp port='80'/></rule>");
	opens(&c, OUT);
	set_defaults(port, false, false);
	says_bytes(&c, OUT, ACK, 100, ESTABLISHED);
	expect_drop(port, OUT, next_segment(&c, OUT, SYN, .sequence = 1 << 30), POLICY);
	says_bytes(&c, IN, ACK, 100, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

/* ---- odd, and right ------------------------------------------------------------------------- */

static void urgent_data_passes(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	for (enum direction d = IN; d <= OUT; d++) {
		says_bytes(&c, d, ACK | PSH | URG, 10, ESTABLISHED);
		says(&c, !d, ACK, ESTABLISHED);
	}
	go_on(&c, 1000);
}

/* One byte that is nothing but garbage, before what is expected (RFC 1122, 4.2.3.6), or at a shut
 * window's end (RFC 9293, 3.8.6.1), as often as anybody likes. */
static void probes_pass_and_move_nothing(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	go_on(&c, 1000);
	for (int i = 0; i < 20; i++) {
		expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = -1, .payload = 1),
			    ESTABLISHED);
		expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = ZERO_WINDOW),
			    ESTABLISHED);
		expect_pass(port, IN, next_segment(&c, IN, ACK, .payload = 1), ESTABLISHED);
		expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = ZERO_WINDOW),
			    ESTABLISHED);
	}
	go_on(&c, 1000);
}

/* A FIN does not wait for a shut window to open. */
static void a_fin_behind_a_shut_window_counts(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, ACK, .window = ZERO_WINDOW), ESTABLISHED);
	says(&c, IN, FIN | ACK, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, FIN_WAIT);
}

/* A blind attacker makes a path look narrow: "fragmentation needed" about what is not under way, or
 * of another connection (RFC 5927, 7). */
static void path_mtu_lies_are_dropped(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);

	go_on(&c, 1000);
	says_bytes(&c, OUT, ACK, 500, ESTABLISHED);
	for (uint32_t i = 1; i < 32; i++)
		expect_drop(port, IN,
			    icmp_error(ROUTER, VM, 3, 4,
				       next_segment(&c, OUT, ACK, .sequence = i << 27), 28),
			    ICMP_STATE);
	expect_drop(port, IN,
		    icmp_error(ROUTER, VM, 3, 4, tcp(VM, WEB, 40001, 80, ACK, .sequence = 101), 28),
		    ICMP_STATE);
	expect_pass(port, IN,
		    icmp_error(ROUTER, VM, 3, 4, next_segment(&c, OUT, ACK, .sequence = -500), 28),
		    RELATED);
}

/* What is said about a SYN that would start the session anew. */
static void errors_about_the_latest_syn_are_related(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = open_small(port);
	struct packet syn;

	c.next[OUT] += 1500000000;
	syn = next_segment(&c, OUT, SYN);
	expect_drop(port, IN, icmp_error(ROUTER, VM, 3, 1, syn, 28), ICMP_STATE);
	expect_pass(port, OUT, syn, ESTABLISHED);
	expect_pass(port, IN, icmp_error(ROUTER, VM, 3, 1, syn, 28), RELATED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(forged_segments_lift_no_bound_for_good),
		rig_test(a_forged_window_shuts_nobody_out),
		rig_test(segments_with_an_old_timestamp_change_nothing),
		rig_test(blind_data_is_dropped),
		rig_test(a_transfer_in_fragments_goes_on),
		rig_test(a_fin_in_a_fragment_counts_when_it_is_whole),
		rig_test(a_fin_that_nobody_acknowledges_ends_nothing),
		rig_test(a_fin_is_refuted_by_more_data),
		rig_test(a_forged_fin_does_not_hide_the_true_one),
		rig_test(a_connection_outlives_a_forged_reset),
		rig_test(what_was_sent_before_a_reset_revives_nothing),
		rig_test(a_reset_session_lasts_a_while_from_the_reset_on),
		rig_test(blind_resets_end_nothing),
		rig_test(resets_without_numbers_end_nothing),
		rig_test(a_forged_syn_does_not_hide_the_answer),
		rig_test(a_damaged_answer_does_not_hide_the_true_one),
		rig_test(an_answer_to_another_syn_is_reset),
		rig_test(an_answer_to_another_syn_is_reset_by_either_side),
		rig_test(either_of_two_answers_counts),
		rig_test(the_first_of_three_answers_counts),
		rig_test(a_split_handshake_establishes),
		rig_test(a_simultaneous_handshake_survives_a_forged_syn),
		rig_test(fast_open_data_may_be_taken_or_left),
		rig_test(a_scale_counts_if_any_syn_had_it),
		rig_test(an_old_segment_does_not_end_a_handshake),
		rig_test(a_forged_syn_does_not_cut_off_the_last_words),
		rig_test(a_forged_syn_after_a_forged_reset_ends_nothing),
		rig_test(a_forged_syn_does_not_hide_the_next_connection),
		rig_test(a_third_connection_can_be_reset),
		rig_test(an_older_syn_does_not_hide_the_latest),
		rig_test(an_answered_syn_does_not_hide_the_latest),
		rig_test(a_kept_session_keeps_no_ports),
		rig_test(urgent_data_passes),
		rig_test(probes_pass_and_move_nothing),
		rig_test(a_fin_behind_a_shut_window_counts),
		rig_test(path_mtu_lies_are_dropped),
		rig_test(errors_about_the_latest_syn_are_related),
	};

	return run_rig_tests(tests);
}
