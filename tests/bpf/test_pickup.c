// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connections that were open before: which segments may open a session, by whose leave, and what
 * becomes of sessions that only one side has spoken in.
 */
#include "tests/bpf/bpf_test.h"

#include <netinet/in.h>

/* Timeouts are far from the time that a test takes, on either side. */
#define LONG   1000000
#define MARGIN 500000

/* The clock is not known here, so the window lies far ahead or behind, seen from a fresh stamp. */
static uint32_t now_of(struct rig_port *port)
{
	struct session_key key = session_between(VM, 1, WEB, 1, IPPROTO_UDP);
	struct session session;

	expect_pass(port, OUT, udp(VM, WEB, 1, 1), NEW);
	assert_true(find_session(port, &key, &session));
	return session.seen;
}

static void open_pickup(struct rig_port *port, int32_t jiffies)
{
	uint32_t until = now_of(port) + jiffies;

	port->record.pickup_until = until ? until : 1;
	publish_port(port);
}

static bool is_opened_out(struct rig_port *port, const struct session_key *key)
{
	struct session session;

	assert_true(find_session(port, key, &session));
	return session.flags & SESSION_OPENED_OUT;
}

/* ---- that it is picked up ------------------------------------------------------------------- */

static void a_migrated_connection_is_picked_up(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	struct session session;

	open_pickup(port, LONG);
	says_bytes(&c, OUT, ACK, 100, PICKED_UP);
	expect_state(port, c.key, TCP_UNCONFIRMED);
	assert_true(find_session(port, &c.key, &session));
	assert_true(session.flags & SESSION_PICKED_UP);
	says_bytes(&c, IN, ACK, 100, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
	/* Windows are estimates, so none is enforced. */
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = -30000000), ESTABLISHED);
	closes(&c, OUT);
	expect_state(port, c.key, TIME_WAIT);
}

static void either_side_may_be_the_first(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	open_pickup(port, LONG);
	says_bytes(&c, IN, ACK, 100, PICKED_UP);
	assert_true(is_opened_out(port, &c.key));
	says_bytes(&c, OUT, ACK, 100, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

static void pick_up_needs_the_policy_and_ends(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	open_pickup(port, LONG);
	set_defaults(port, false, false);
	says_in_vain(&c, OUT, ACK, POLICY);
	says_in_vain(&c, IN, ACK, POLICY);
	set_defaults(port, true, true);
	says_in_vain(&c, OUT, RST, TCP_STATE);
	says_in_vain(&c, IN, SYN | ACK, TCP_STATE);
	port->record.pickup_until -= 2 * LONG;
	publish_port(port);
	says_in_vain(&c, OUT, ACK, TCP_STATE);
	port->record.pickup_until = 0;
	publish_port(port);
	says_in_vain(&c, OUT, ACK, TCP_STATE);
}

static void a_connection_is_picked_up_by_its_end(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	open_pickup(port, LONG);
	says(&c, IN, FIN | ACK, PICKED_UP);
	expect_state(port, c.key, TCP_UNCONFIRMED);
	says(&c, OUT, FIN | ACK, ESTABLISHED);
	says(&c, IN, ACK, ESTABLISHED);
	expect_state(port, c.key, TIME_WAIT);
}

static void only_an_exact_reset_ends_it(void **state)
{
	struct rig_port *port = *state;

	open_pickup(port, LONG);
	/* Confirmed, and not: that one leaves nothing behind. */
	for (int confirmed = 0; confirmed < 2; confirmed++) {
		struct conversation c = conversation(port, VM, 40000 + confirmed, WEB, 80);

		says_bytes(&c, OUT, ACK, 100, PICKED_UP);
		if (confirmed)
			says(&c, IN, ACK, ESTABLISHED);
		expect_pass(port, IN, next_segment(&c, IN, RST, .sequence = 77777), ESTABLISHED);
		expect_pass(port, OUT, next_segment(&c, OUT, RST, .sequence = 77777), ESTABLISHED);
		check_state(port, c.key, confirmed ? STATE_TCP_ESTABLISHED : STATE_TCP_UNCONFIRMED,
			    HERE);
		says(&c, IN, RST, ESTABLISHED);
		if (confirmed)
			expect_state(port, c.key, CLOSED);
		else
			expect_no_session(port, c.key);
		assert_int_equal(read_rig_port_state(port).unconfirmed, 0);
	}
}

/* Whoever knows the ports only sends data anywhere, and a reset behind it. */
static void forged_data_makes_no_reset_exact(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	open_pickup(port, LONG);
	says_bytes(&c, OUT, ACK, 100, PICKED_UP);
	says_bytes(&c, IN, ACK, 100, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	port->record.pickup_until = 0;
	rewrite_port(port);
	for (uint32_t i = 1; i < 64; i++) {
		uint32_t away = i << 26;

		expect_pass(port, IN,
			    next_segment(&c, IN, ACK, .sequence = away, .acknowledgment = away,
					 .payload = 1),
			    ESTABLISHED);
		expect_pass(port, IN, next_segment(&c, IN, RST, .sequence = away + 1), ESTABLISHED);
		expect_state(port, c.key, TCP_ESTABLISHED);
	}
	/* Nor does it hide the true end. */
	says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	says(&c, IN, RST, ESTABLISHED);
	expect_state(port, c.key, CLOSED);
}

/* Data near the true place is believed, but no reset behind it. */
static void a_reset_counts_at_the_peers_mark_only(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	open_pickup(port, LONG);
	says_bytes(&c, OUT, ACK, 100, PICKED_UP);
	says_bytes(&c, IN, ACK, 100, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = 5000, .payload = 1),
		    ESTABLISHED);
	expect_pass(port, IN, next_segment(&c, IN, RST, .sequence = 5001), ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
	says(&c, IN, RST, ESTABLISHED);
	expect_state(port, c.key, CLOSED);
}

/* More in flight than a window without scaling: windows and scales are upper bounds. */
static void much_in_flight_is_followed_to_its_end(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	open_pickup(port, LONG);
	says_bytes(&c, OUT, ACK, 100, PICKED_UP);
	says(&c, IN, ACK, ESTABLISHED);
	for (int i = 0; i < 8000; i++)
		says_bytes(&c, OUT, ACK, 1400, ESTABLISHED);
	says(&c, IN, ACK, ESTABLISHED);
	closes(&c, OUT);
	expect_state(port, c.key, TIME_WAIT);
}

static void a_rebooted_opener_recovers(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	open_pickup(port, LONG);
	says_bytes(&c, OUT, ACK, 100, PICKED_UP);
	says(&c, IN, ACK, ESTABLISHED);
	expect_pass(port, OUT, next_segment(&c, OUT, SYN, .sequence = 5000000), ESTABLISHED);
	says(&c, IN, ACK, ESTABLISHED);
	says(&c, OUT, RST, ESTABLISHED);
	expect_state(port, c.key, CLOSED);
	c.next[OUT] += 5000000;
	opens(&c, OUT);
}

/* ---- by whose leave ------------------------------------------------------------------------- */

/* A segment in each direction, of connections between these ports. */
static struct packet middle(enum direction direction, uint16_t local, uint16_t remote)
{
	return direction == IN ? tcp(CLIENT, VM, remote, local, ACK | PSH, .payload = 10)
			       : tcp(VM, CLIENT, local, remote, ACK | PSH, .payload = 10);
}

static void expect_denied(struct rig_port *port, uint16_t local, uint16_t remote)
{
	expect_drop(port, IN, middle(IN, local, remote), POLICY);
	expect_drop(port, OUT, middle(OUT, local, remote), POLICY);
}

static void expect_opened(struct rig_port *port, uint16_t local, uint16_t remote,
			  enum direction opener)
{
	struct session_key key = session_between(VM, local, CLIENT, remote, IPPROTO_TCP);

	expect_pass(port, IN, middle(IN, local, remote), PICKED_UP);
	assert_int_equal(is_opened_out(port, &key), opener == OUT);
	expect_pass(port, OUT, middle(OUT, local, remote), ESTABLISHED);
	assert_int_equal(is_opened_out(port, &key), opener == OUT);
}

/* What was let in before there was a policy, and would not be now. */
static void a_denied_connection_does_not_go_on_as_the_guests(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, false, true);
	open_pickup(port, LONG);
	expect_denied(port, 22, 50000);
	expect_opened(port, 50000, 443, OUT);
}

static void the_low_port_is_the_services(void **state)
{
	struct rig_port *port = *state;

	set_policy(port, "<default in='deny' out='deny'/>"
			 "<rule direction='in' action='allow'><tcp port='80'/></rule>"
			 "<rule direction='out' action='allow'><tcp port='443'/><udp/></rule>");
	open_pickup(port, LONG);
	expect_opened(port, 80, 32768, IN);
	expect_opened(port, 65535, 443, OUT);
	expect_denied(port, 32768, 80);
	expect_denied(port, 443, 32768);
	/* A client of a forger's choice is a service as well: both have to be allowed. */
	expect_denied(port, 22, 443);
	expect_denied(port, 80, 32767);
}

/* Whatever its number, a port that a rule lets connections in to is one; the default says nothing.
 */
static void a_rule_makes_a_port_a_services(void **state)
{
	struct rig_port *port = *state;

	set_policy(port, "<default in='deny' out='allow'/>"
			 "<rule direction='in' action='allow'><tcp port='50051'/></rule>"
			 "<rule direction='out' action='deny'><tcp port='60000'/></rule>");
	open_pickup(port, LONG);
	expect_opened(port, 50051, 40000, IN);
	expect_denied(port, 50052, 40000);
	expect_denied(port, 50052, 60000);
	/* Both are one: both directions are allowed. */
	expect_opened(port, 50051, 1023, IN);
}

/* Privileged clients, of NFS for example, are bound to a reserved port. */
static void a_reserved_port_is_a_clients(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, false, true);
	open_pickup(port, LONG);
	expect_opened(port, 877, 2049, OUT);
	expect_opened(port, 512, 1024, OUT);
	expect_opened(port, 1023, 32767, OUT);
	/* The VM serves, or nothing tells. */
	expect_denied(port, 2049, 877);
	expect_denied(port, 511, 2049);
	expect_denied(port, 1024, 2049);
	expect_denied(port, 877, 1023);
	expect_denied(port, 877, 32768);
	set_defaults(port, true, false);
	expect_opened(port, 2049, 878, IN);
	expect_denied(port, 878, 2049);
	/* A rule that lets connections in to it says that it is a service's. */
	set_policy(port, "<default in='deny' out='allow'/>"
			 "<rule direction='in' action='allow'><tcp port='993'/></rule>");
	expect_opened(port, 993, 2049, IN);
}

static void both_are_asked_where_nothing_tells_them_apart(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	open_pickup(port, LONG);
	expect_opened(port, 40000, 50000, IN);
	expect_opened(port, 1700, 2049, IN);
	set_defaults(port, true, false);
	expect_denied(port, 40001, 50000);
	set_defaults(port, false, true);
	expect_denied(port, 40001, 50000);
}

/* ---- until the other side answers ----------------------------------------------------------- */

static void what_one_side_says_does_not_live_long(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	struct rig *rig = port->rig;

	for (int s = 0; s < STATE_COUNT; s++)
		rig->settings.timeout[s] = 100 * LONG;
	rig->settings.timeout[STATE_TCP_UNCONFIRMED] = LONG;
	apply_rig_settings(rig);
	open_pickup(port, LONG);
	says(&c, OUT, ACK, PICKED_UP);
	says_bytes(&c, OUT, ACK, 100, ESTABLISHED);
	expect_state(port, c.key, TCP_UNCONFIRMED);
	port->record.pickup_until = 0;
	rewrite_port(port);
	age_session(port, &c.key, LONG + MARGIN);
	says_in_vain(&c, IN, ACK, TCP_STATE);
	assert_int_equal(expire_sessions(port, &c.key, 1), 1);
	assert_int_equal(read_rig_port_state(port).unconfirmed, 0);
}

/* Numbers of somewhere else are not the peer's answer; then the latest word counts. */
static void only_matching_numbers_confirm(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	const uint32_t far = 1U << 30;

	open_pickup(port, LONG);
	/* A forged one first: the true sides go on nevertheless. */
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = far, .acknowledgment = far),
		    PICKED_UP);
	says_bytes(&c, OUT, ACK, 100, ESTABLISHED);
	expect_state(port, c.key, TCP_UNCONFIRMED);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .acknowledgment = far), ESTABLISHED);
	expect_state(port, c.key, TCP_UNCONFIRMED);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = far), ESTABLISHED);
	expect_state(port, c.key, TCP_UNCONFIRMED);
	says_bytes(&c, OUT, ACK, 100, ESTABLISHED);
	/* Data under way may lie between. */
	expect_pass(port, IN,
		    next_segment(&c, IN, ACK, .sequence = 1000000, .acknowledgment = -200),
		    ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

static void no_segment_without_ack_or_with_syn_belongs_to_it(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	open_pickup(port, LONG);
	says(&c, OUT, ACK, PICKED_UP);
	says_in_vain(&c, IN, SYN | ACK, TCP_STATE);
	says_in_vain(&c, IN, PSH, TCP_STATE);
	says_in_vain(&c, IN, FIN, TCP_STATE);
}

/* A forged segment must not stand in the way of a new connection. */
static void a_new_connection_starts_what_is_unconfirmed_anew(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	open_pickup(port, LONG);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = 1U << 30), PICKED_UP);
	says(&c, OUT, SYN, NEW);
	expect_state(port, c.key, TCP_UNCONFIRMED);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	expect_state(port, c.key, SYN_RECEIVED);
	assert_int_equal(read_rig_port_state(port).half_open, 1);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
	assert_int_equal(read_rig_port_state(port).half_open, 0);
	assert_int_equal(read_rig_port_state(port).unconfirmed, 0);
	assert_int_equal(count_sessions(port), 2); /* now_of() has made one */
}

/* ... and a forged SYN not in that of an old one: the VM challenges it, and both sides go on. */
static void a_forged_syn_ends_no_unconfirmed_connection(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 80, WEB, 40000);

	set_defaults(port, true, true);
	open_pickup(port, LONG);
	says_bytes(&c, OUT, ACK, 100, PICKED_UP);
	expect_pass(port, IN, tcp(WEB, VM, 40000, 80, SYN, .sequence = 123), NEW);
	expect_pass(port, IN, tcp(WEB, VM, 40000, 80, SYN, .sequence = 123), ESTABLISHED);
	expect_state(port, c.key, TCP_UNCONFIRMED);
	says(&c, OUT, ACK, ESTABLISHED);
	says_bytes(&c, IN, ACK, 1000, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
	says_bytes(&c, OUT, ACK, 1000, ESTABLISHED);
	assert_int_equal(read_rig_port_state(port).half_open, 0);
	assert_int_equal(read_rig_port_state(port).unconfirmed, 0);
}

/* The forged SYN comes before any segment of the connection; then speaks who was challenged, or who
 * challenges. */
static void a_forged_syn_that_comes_first_ends_no_connection(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	open_pickup(port, LONG);
	for (int first = 0; first < 2; first++) {
		struct conversation c = conversation(port, VM, 80, WEB, 40000 + first);
		enum direction side = first ? OUT : IN;

		expect_pass(port, IN, tcp(WEB, VM, 40000 + first, 80, SYN, .sequence = 123), NEW);
		expect_state(port, c.key, SYN_SENT);
		says_bytes(&c, side, ACK, 1000, PICKED_UP);
		expect_state(port, c.key, TCP_UNCONFIRMED);
		says(&c, !side, ACK, ESTABLISHED);
		expect_state(port, c.key, TCP_ESTABLISHED);
		says_bytes(&c, side, ACK, 1000, ESTABLISHED);
		says_bytes(&c, !side, ACK, 1000, ESTABLISHED);
		assert_int_equal(read_rig_port_state(port).half_open, 0);
		assert_int_equal(read_rig_port_state(port).unconfirmed, 0);
	}
}

/* What policy would not let be picked up, a SYN does not open the door for. */
static void a_syn_makes_no_denied_connection_one_that_is_picked_up(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 22, CLIENT, 50000);

	set_defaults(port, false, true);
	open_pickup(port, LONG);
	says(&c, OUT, SYN, NEW);
	expect_drop(port, IN, next_segment(&c, IN, ACK, .payload = 100, .acknowledgment = 5000),
		    TCP_STATE);
	says_in_vain(&c, OUT, ACK, TCP_STATE);
	expect_state(port, c.key, SYN_SENT);
}

static void a_syn_that_is_refused_ends_what_is_unconfirmed(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	open_pickup(port, LONG);
	expect_pass(port, IN, next_segment(&c, IN, ACK, .sequence = 1U << 30), PICKED_UP);
	says(&c, OUT, SYN, NEW);
	says(&c, IN, RST | ACK, ESTABLISHED);
	expect_no_session(port, c.key);
	assert_int_equal(read_rig_port_state(port).unconfirmed, 0);
}

static void there_are_only_so_many(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	port->record.unconfirmed = 4;
	open_pickup(port, LONG);
	/* Half of them may come from outside; what is more passes, and leaves nothing. */
	for (uint16_t i = 0; i < 10; i++)
		expect_pass(port, IN, middle(IN, 80, 40000 + i), PICKED_UP);
	assert_int_equal(count_sessions(port), 1 + 2);
	assert_int_equal(read_rig_port_state(port).unconfirmed, 2);
	for (uint16_t i = 0; i < 10; i++)
		expect_pass(port, OUT, middle(OUT, 50000 + i, 443), PICKED_UP);
	assert_int_equal(count_sessions(port), 1 + 4);
	expect_pass(port, IN, tcp(CLIENT, VM, 1000, 80, SYN), NEW);
}

/* As many forged segments as there may be sessions: the guest's connections go on. */
static void forged_segments_stand_in_nobodys_way(void **state)
{
	struct rig_port *port = *state;
	struct conversation old = conversation(port, VM, 40000, WEB, 443);
	struct conversation other = conversation(port, VM, 80, CLIENT, 50000);
	struct conversation new = conversation(port, VM, 40001, WEB, 443);

	set_session_limit(port, 400);
	set_defaults(port, true, true);
	port->record.unconfirmed = 100;
	open_pickup(port, LONG);
	for (int i = 0; i < 500; i++) {
		struct packet forged = middle(IN, 80, (uint16_t)(40000 + i));

		run_frame(port, IN, &forged);
	}
	assert_int_equal(read_rig_port_state(port).unconfirmed, 50);
	says_bytes(&old, OUT, ACK, 100, PICKED_UP);
	says_bytes(&old, IN, ACK, 100, ESTABLISHED);
	expect_state(port, old.key, TCP_ESTABLISHED);
	/* There is no room for what its remote says, but for the answer. */
	says_bytes(&other, IN, ACK, 100, PICKED_UP);
	expect_no_session(port, other.key);
	says_bytes(&other, OUT, ACK, 100, PICKED_UP);
	says(&other, IN, ACK, ESTABLISHED);
	expect_state(port, other.key, TCP_ESTABLISHED);
	opens(&new, OUT);
}

/* Forged segments, each answered by the VM's reset. */
static void flood(struct rig_port *port, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		struct packet forged =
			tcp(WEB, VM, 1024 + i, 80, ACK, .sequence = 1000, .acknowledgment = 2000);
		struct packet reset = tcp(VM, WEB, 80, 1024 + i, RST, .sequence = 2000);

		expect_pass(port, IN, forged, PICKED_UP);
		expect_pass(port, OUT, reset, ESTABLISHED);
	}
}

static void what_is_reset_leaves_the_table(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 80, WEB, 50000);

	set_session_limit(port, 100);
	set_defaults(port, true, true);
	port->record.unconfirmed = 25;
	open_pickup(port, LONG);
	flood(port, 200);
	assert_int_equal(count_sessions(port), 1);
	assert_int_equal(read_rig_port_state(port).unconfirmed, 0);
	says_bytes(&c, IN, ACK, 100, PICKED_UP);
	says_bytes(&c, OUT, ACK, 100, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

/* A reset can be forged: what it takes away must be able to come back. */
static void a_reset_after_the_window_takes_nothing_away(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	open_pickup(port, LONG);
	says_bytes(&c, OUT, ACK, 100, PICKED_UP);
	port->record.pickup_until = 0;
	rewrite_port(port);
	says(&c, IN, RST, ESTABLISHED);
	expect_state(port, c.key, TCP_UNCONFIRMED);
	says(&c, IN, ACK, ESTABLISHED);
	expect_state(port, c.key, TCP_ESTABLISHED);
}

/* Sessions with a remote count when they are confirmed, and are given back when they end. */
static void what_is_unconfirmed_does_not_count_for_its_remote(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	port->record.unconfirmed = 100;
	port->record.limits[LIMIT_SESSIONS_PER_REMOTE] = 2;
	open_pickup(port, LONG);
	for (uint16_t i = 0; i < 10; i++)
		expect_pass(port, IN, tcp(WEB, VM, 50000 + i, 80, ACK), PICKED_UP);
	assert_int_equal(read_rig_port_state(port).unconfirmed, 10);
	for (uint16_t i = 0; i < 2; i++) {
		struct conversation c = conversation(port, VM, 80, WEB, 40000 + i);

		says_bytes(&c, OUT, ACK, 100, PICKED_UP);
		expect_pass(port, OUT, tcp(VM, WEB, 60000 + i, 443, ACK), PICKED_UP);
		says_bytes(&c, IN, ACK, 100, ESTABLISHED);
		expect_state(port, c.key, TCP_ESTABLISHED);
	}
	expect_drop(port, OUT, tcp(VM, WEB, 33333, 443, SYN), REMOTE_LIMIT);
}

/* Where a limit keeps a session from being opened, the segment passes like one of a flood. */
static void what_a_limit_refuses_passes_without_a_session(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 443);

	set_defaults(port, true, true);
	port->record.limits[LIMIT_SESSIONS_PER_REMOTE] = 1;
	open_pickup(port, LONG);
	expect_pass(port, OUT, udp(VM, WEB, 1000, 53), NEW);
	says_bytes(&c, OUT, ACK, 100, PICKED_UP);
	says_bytes(&c, IN, ACK, 100, PICKED_UP);
	expect_no_session(port, c.key);
	port->record.limits[LIMIT_SESSIONS_PER_REMOTE] = 0;
	publish_port(port);
	set_session_limit(port, 10);
	for (uint16_t i = 0; i < 200; i++) {
		struct packet other = udp(VM, WEB, 1000 + i, 53);

		run_frame(port, OUT, &other);
	}
	expect_drop(port, OUT, udp(VM, WEB, 2000, 53), SESSION_LIMIT);
	says_bytes(&c, OUT, ACK, 100, PICKED_UP);
	says_bytes(&c, IN, ACK, 100, PICKED_UP);
	expect_no_session(port, c.key);
	set_defaults(port, false, false);
	says_in_vain(&c, OUT, ACK, POLICY);
}

static void what_is_confirmed_makes_room(void **state)
{
	struct rig_port *port = *state;

	port->record.unconfirmed = 1;
	open_pickup(port, LONG);
	for (uint16_t i = 0; i < 5; i++) {
		struct conversation c = conversation(port, VM, 40000 + i, WEB, 80);

		says(&c, OUT, ACK, PICKED_UP);
		expect_state(port, c.key, TCP_UNCONFIRMED);
		says(&c, IN, ACK, ESTABLISHED);
		expect_state(port, c.key, TCP_ESTABLISHED);
	}
}

static void it_does_not_count_for_the_rate(void **state)
{
	struct rig_port *port = *state;

	port->record.limits[LIMIT_SESSION_RATE] = 1;
	port->record.limits[LIMIT_SESSION_BURST] = 2; /* now_of() needs one */
	publish_port(port);
	open_pickup(port, LONG);
	for (uint16_t i = 0; i < 10; i++)
		expect_pass(port, OUT, middle(OUT, 50000 + i, 443), PICKED_UP);
	expect_pass(port, OUT, tcp(VM, CLIENT, 50010, 443, SYN), NEW);
	expect_drop(port, OUT, tcp(VM, CLIENT, 50011, 443, SYN), RATE_LIMIT);
}

static void a_revoked_one_is_not_counted_any_more(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	open_pickup(port, LONG);
	says(&c, OUT, ACK, PICKED_UP);
	assert_int_equal(read_rig_port_state(port).unconfirmed, 1);
	set_defaults(port, false, false);
	says_in_vain(&c, OUT, ACK, REVOKED);
	assert_int_equal(read_rig_port_state(port).unconfirmed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(a_migrated_connection_is_picked_up),
		rig_test(either_side_may_be_the_first),
		rig_test(pick_up_needs_the_policy_and_ends),
		rig_test(a_connection_is_picked_up_by_its_end),
		rig_test(only_an_exact_reset_ends_it),
		rig_test(forged_data_makes_no_reset_exact),
		rig_test(a_reset_counts_at_the_peers_mark_only),
		rig_test(much_in_flight_is_followed_to_its_end),
		rig_test(a_rebooted_opener_recovers),
		rig_test(a_denied_connection_does_not_go_on_as_the_guests),
		rig_test(the_low_port_is_the_services),
		rig_test(a_rule_makes_a_port_a_services),
		rig_test(a_reserved_port_is_a_clients),
		rig_test(both_are_asked_where_nothing_tells_them_apart),
		rig_test(what_one_side_says_does_not_live_long),
		rig_test(only_matching_numbers_confirm),
		rig_test(no_segment_without_ack_or_with_syn_belongs_to_it),
		rig_test(a_new_connection_starts_what_is_unconfirmed_anew),
		rig_test(a_forged_syn_ends_no_unconfirmed_connection),
		rig_test(a_forged_syn_that_comes_first_ends_no_connection),
		rig_test(a_syn_makes_no_denied_connection_one_that_is_picked_up),
		rig_test(a_syn_that_is_refused_ends_what_is_unconfirmed),
		rig_test(there_are_only_so_many),
		rig_test(forged_segments_stand_in_nobodys_way),
		rig_test(what_is_reset_leaves_the_table),
		rig_test(a_reset_after_the_window_takes_nothing_away),
		rig_test(what_is_unconfirmed_does_not_count_for_its_remote),
		rig_test(what_a_limit_refuses_passes_without_a_session),
		rig_test(what_is_confirmed_makes_room),
		rig_test(it_does_not_count_for_the_rate),
		rig_test(a_revoked_one_is_not_counted_any_more),
	};

	return run_rig_tests(tests);
}
