/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits: how many sessions a port may have, how fast it may open them, how many handshakes may be
 * unfinished, and how many sessions one remote may have. A limit refuses what is new and never
 * touches what is there.
 */
#include "tests/bpf/bpf_test.h"

#include <netinet/in.h>

#define LONG   1000000
#define MARGIN 500000

/* ---- sessions ------------------------------------------------------------------------------- */

static void a_full_port_opens_no_more_sessions(void **state)
{
	struct rig_port *port = *state;

	set_session_limit(port, 3);
	expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
	expect_pass(port, OUT, udp(VM6, WEB6, 40002, 53), NEW);
	expect_pass(port, OUT, tcp(VM, WEB, 40003, 80, SYN), NEW);
	expect_drop(port, OUT, udp(VM, WEB, 40004, 53), SESSION_LIMIT);
	expect_drop(port, OUT, tcp(VM6, WEB6, 40004, 80, SYN), SESSION_LIMIT);
	expect_drop(port, OUT, echo_request(VM, WEB, 1), SESSION_LIMIT);
	expect_pass(port, IN, udp(WEB, VM, 53, 40001), ESTABLISHED);
	expect_pass(port, OUT, udp(VM6, WEB6, 40002, 53), ESTABLISHED);
	assert_int_equal(count_sessions(port), 3);
}

static void what_is_denied_takes_no_place(void **state)
{
	struct rig_port *port = *state;

	set_session_limit(port, 1);
	for (int i = 0; i < 5; i++)
		expect_drop(port, IN, udp(CLIENT, VM, 40000 + i, 53), POLICY);
	expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
}

static void ended_sessions_make_room(void **state)
{
	struct rig_port *port = *state;
	struct session_key key = session_between(VM, 40001, WEB, 53, IPPROTO_UDP);

	set_session_limit(port, 1);
	port->rig->settings.timeout[STATE_UNREPLIED] = LONG;
	apply_rig_settings(port->rig);
	expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
	expect_drop(port, OUT, udp(VM, WEB, 40002, 53), SESSION_LIMIT);
	age_session(port, &key, LONG + MARGIN);
	/* The same five-tuple takes its predecessor's place at once, others wait for the sweep. */
	expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
	age_session(port, &key, LONG + MARGIN);
	assert_int_equal(expire_sessions(port, &key, 1), 1);
	expect_pass(port, OUT, udp(VM, WEB, 40002, 53), NEW);
}

static void other_ports_have_their_own_limit(void **state)
{
	struct rig_port *port = *state, *other = sibling(port, 1);

	set_session_limit(port, 1);
	expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
	expect_drop(port, OUT, udp(VM, WEB, 40002, 53), SESSION_LIMIT);
	expect_pass(other, OUT, udp(VM, WEB, 40002, 53), NEW);
}

/* ---- sessions per second -------------------------------------------------------------------- */

/* So many jiffies a second that a test never sees the next second. */
static void stop_the_clock(struct rig *rig)
{
	rig->settings.hz = 1 << 30;
	apply_rig_settings(rig);
}

static void a_burst_is_all_there_is_at_once(void **state)
{
	struct rig_port *port = *state;

	stop_the_clock(port->rig);
	port->record.limits[LIMIT_SESSION_RATE] = 10;
	port->record.limits[LIMIT_SESSION_BURST] = 3;
	publish_port(port);
	expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
	expect_pass(port, OUT, tcp(VM, WEB, 40002, 80, SYN), NEW);
	expect_pass(port, OUT, echo_request(VM6, WEB6, 1), NEW);
	expect_drop(port, OUT, udp(VM, WEB, 40004, 53), RATE_LIMIT);
	expect_drop(port, OUT, tcp(VM, WEB, 40005, 80, SYN), RATE_LIMIT);
	expect_pass(port, OUT, udp(VM, WEB, 40001, 53), ESTABLISHED);
	assert_int_equal(count_sessions(port), 3);
}

static void denied_packets_do_not_use_up_the_rate(void **state)
{
	struct rig_port *port = *state;

	stop_the_clock(port->rig);
	port->record.limits[LIMIT_SESSION_RATE] = 10;
	port->record.limits[LIMIT_SESSION_BURST] = 1;
	publish_port(port);
	for (int i = 0; i < 5; i++)
		expect_drop(port, IN, udp(CLIENT, VM, 40000 + i, 53), POLICY);
	expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
	expect_drop(port, OUT, udp(VM, WEB, 40002, 53), RATE_LIMIT);
}

static void the_rate_comes_back_with_time(void **state)
{
	struct rig_port *port = *state;
	struct packet next = udp(VM, WEB, 40002, 53);

	/* One a jiffy: the second is early, and some later one is not. */
	port->rig->settings.hz = 1;
	apply_rig_settings(port->rig);
	port->record.limits[LIMIT_SESSION_RATE] = 1;
	port->record.limits[LIMIT_SESSION_BURST] = 1;
	publish_port(port);
	expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
	while (dry_run_frame(port, OUT, &next).reason == REASON_RATE_LIMIT)
		;
	expect_pass(port, OUT, next, NEW);
}

static void each_port_has_its_own_rate(void **state)
{
	struct rig_port *port = *state, *other = sibling(port, 1);

	stop_the_clock(port->rig);
	port->record.limits[LIMIT_SESSION_RATE] = 1;
	port->record.limits[LIMIT_SESSION_BURST] = 1;
	publish_port(port);
	expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
	expect_drop(port, OUT, udp(VM, WEB, 40002, 53), RATE_LIMIT);
	expect_pass(other, OUT, udp(VM, WEB, 40001, 53), NEW);
	expect_pass(other, OUT, udp(VM, WEB, 40002, 53), NEW);
}

/* ---- unfinished handshakes ------------------------------------------------------------------ */

static void limit_half_open(struct rig_port *port, uint32_t limit)
{
	set_defaults(port, true, true);
	port->record.limits[LIMIT_HALF_OPEN] = limit;
	publish_port(port);
}

static void unfinished_handshakes_are_limited(void **state)
{
	struct rig_port *port = *state;
	struct conversation first = conversation(port, VM, 80, CLIENT, 50001);
	struct conversation second = conversation(port, VM, 80, CLIENT, 50002);
	struct conversation third = conversation(port, VM6, 80, CLIENT6, 50003);

	limit_half_open(port, 2);
	says(&first, IN, SYN, NEW);
	says(&second, IN, SYN, NEW);
	says_in_vain(&third, IN, SYN, HALF_OPEN_LIMIT);
	/* Only TCP has handshakes. */
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	/* Half a handshake more is still half-open. */
	says(&first, OUT, SYN | ACK, ESTABLISHED);
	says_in_vain(&third, IN, SYN, HALF_OPEN_LIMIT);
	says(&first, IN, ACK, ESTABLISHED);
	says(&third, IN, SYN, NEW);
	expect_drop(port, OUT, tcp(VM, WEB, 40000, 80, SYN), HALF_OPEN_LIMIT);
}

static void a_refused_handshake_is_finished_too(void **state)
{
	struct rig_port *port = *state;
	struct conversation first = conversation(port, VM, 80, CLIENT, 50001);
	struct conversation second = conversation(port, VM, 80, CLIENT, 50002);

	limit_half_open(port, 1);
	says(&first, IN, SYN, NEW);
	says_in_vain(&second, IN, SYN, HALF_OPEN_LIMIT);
	says(&first, OUT, RST | ACK, ESTABLISHED);
	says(&second, IN, SYN, NEW);
}

/* While SYNs wait on the ports of connections that are over, nothing is half-open; their answers
 * are what counts. */
static void connections_that_are_over_start_anew_within_the_limit(void **state)
{
	struct rig_port *port = *state;

	limit_half_open(port, 2);
	for (uint16_t i = 0; i < 4; i++) {
		struct conversation c = conversation(port, VM, 80, WEB, 40000 + i);

		opens(&c, IN);
		closes(&c, IN);
	}
	for (uint16_t i = 0; i < 4; i++)
		expect_pass(port, IN, tcp(WEB, VM, 40000 + i, 80, SYN, .sequence = 1 << 30), NEW);
	for (uint16_t i = 0; i < 4; i++)
		check_frame(port, OUT,
			    tcp(VM, WEB, 80, 40000 + i, SYN | ACK, .sequence = 7,
				.acknowledgment = (1 << 30) + 1),
			    i < 2 ? OUTCOME_PASS : OUTCOME_DROP,
			    i < 2 ? REASON_ESTABLISHED : REASON_HALF_OPEN_LIMIT, HERE);
	assert_int_equal(read_rig_port_state(port).half_open, 2);
	/* One is finished, and makes room for the next. */
	expect_pass(port, IN,
		    tcp(WEB, VM, 40000, 80, ACK, .sequence = (1 << 30) + 1, .acknowledgment = 8),
		    ESTABLISHED);
	expect_pass(port, OUT,
		    tcp(VM, WEB, 80, 40002, SYN | ACK, .sequence = 7,
			.acknowledgment = (1 << 30) + 1),
		    ESTABLISHED);
}

static void an_expired_handshake_makes_room(void **state)
{
	struct rig_port *port = *state;
	struct conversation first = conversation(port, VM, 80, CLIENT, 50001);
	struct conversation second = conversation(port, VM, 80, CLIENT, 50002);

	limit_half_open(port, 1);
	port->rig->settings.timeout[STATE_SYN_SENT] = LONG;
	apply_rig_settings(port->rig);
	says(&first, IN, SYN, NEW);
	age_session(port, &first.key, LONG + MARGIN);
	assert_int_equal(expire_sessions(port, &first.key, 1), 1);
	says(&second, IN, SYN, NEW);
	says_in_vain(&first, IN, SYN, HALF_OPEN_LIMIT);
}

/* The remote tries again from the same port: no second handshake. */
static void a_repeated_attempt_counts_once(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 80, CLIENT, 50001);

	limit_half_open(port, 1);
	port->rig->settings.timeout[STATE_SYN_SENT] = LONG;
	apply_rig_settings(port->rig);
	for (int i = 0; i < 5; i++) {
		expect_pass(port, IN, next_segment(&c, IN, SYN), NEW);
		expect_pass(port, IN, next_segment(&c, IN, SYN), ESTABLISHED);
		age_session(port, &c.key, LONG + MARGIN);
	}
	expect_pass(port, IN, next_segment(&c, IN, SYN), NEW);
	expect_drop(port, IN, tcp(CLIENT, VM, 50002, 80, SYN), HALF_OPEN_LIMIT);
}

/* ---- sessions per remote -------------------------------------------------------------------- */

static void limit_remotes(struct rig_port *port, uint32_t limit)
{
	port->record.limits[LIMIT_SESSIONS_PER_REMOTE] = limit;
	publish_port(port);
}

static void sessions_with_one_remote_are_limited(void **state)
{
	struct rig_port *port = *state;

	limit_remotes(port, 2);
	expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
	expect_pass(port, OUT, tcp(VM, WEB, 40002, 80, SYN), NEW);
	expect_drop(port, OUT, udp(VM, WEB, 40003, 53), REMOTE_LIMIT);
	expect_drop(port, OUT, echo_request(VM, WEB, 1), REMOTE_LIMIT);
	expect_pass(port, OUT, udp(VM, CLIENT, 40003, 53), NEW);
	expect_pass(port, OUT, udp(VM6, WEB6, 40003, 53), NEW);
	expect_pass(port, IN, udp(WEB, VM, 53, 40001), ESTABLISHED);
}

static void what_remotes_open_counts_as_well(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	limit_remotes(port, 2);
	expect_pass(port, IN, udp(CLIENT6, VM6, 40001, 53), NEW);
	expect_pass(port, OUT, udp(VM6, CLIENT6, 40002, 53), NEW);
	expect_drop(port, IN, udp(CLIENT6, VM6, 40003, 53), REMOTE_LIMIT);
	expect_pass(port, IN, udp(INTRUDER6, VM6, 40003, 53), NEW);
}

static void a_remotes_ended_sessions_make_room(void **state)
{
	struct rig_port *port = *state;
	struct session_key key = session_between(VM, 40001, WEB, 53, IPPROTO_UDP);

	limit_remotes(port, 1);
	port->rig->settings.timeout[STATE_UNREPLIED] = LONG;
	apply_rig_settings(port->rig);
	for (int i = 0; i < 3; i++) {
		expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
		expect_drop(port, OUT, udp(VM, WEB, 40002, 53), REMOTE_LIMIT);
		age_session(port, &key, LONG + MARGIN);
		assert_int_equal(expire_sessions(port, &key, 1), 1);
	}
}

/* A five-tuple that is used anew replaces its own predecessor. */
static void a_successor_is_not_refused_for_its_predecessor(void **state)
{
	struct rig_port *port = *state;
	struct session_key key = session_between(VM, 40001, WEB, 53, IPPROTO_UDP);

	limit_remotes(port, 1);
	port->rig->settings.timeout[STATE_UNREPLIED] = LONG;
	apply_rig_settings(port->rig);
	for (int i = 0; i < 3; i++) {
		expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
		age_session(port, &key, LONG + MARGIN);
	}
	expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
	expect_drop(port, OUT, udp(VM, WEB, 40002, 53), REMOTE_LIMIT);
}

/* ---- the sweep ------------------------------------------------------------------------------ */

static void the_sweep_ends_only_what_has_expired(void **state)
{
	struct rig_port *port = *state;
	const struct session_key keys[] = {
		session_between(VM, 40001, WEB, 53, IPPROTO_UDP),
		session_between(VM, 40002, WEB, 53, IPPROTO_UDP),
		session_between(VM, 40003, WEB, 53, IPPROTO_UDP),
		session_between(VM, 40004, WEB, 53, IPPROTO_UDP), /* there is none */
	};

	port->rig->settings.timeout[STATE_UNREPLIED] = LONG;
	apply_rig_settings(port->rig);
	for (int i = 0; i < 3; i++)
		expect_pass(port, OUT, udp(VM, WEB, 40001 + i, 53), NEW);
	age_session(port, &keys[0], LONG + MARGIN);
	age_session(port, &keys[1], LONG - MARGIN);
	age_session(port, &keys[2], LONG + MARGIN);
	assert_int_equal(expire_sessions(port, keys, ARRAY_SIZE(keys)), 2);
	expect_no_session(port, keys[0]);
	expect_state(port, keys[1], UNREPLIED);
	expect_no_session(port, keys[2]);
}

static void what_is_picked_up_is_no_handshake(void **state)
{
	struct rig_port *port = *state;
	struct session_key key = session_between(VM, 1, WEB, 1, IPPROTO_UDP);
	struct session session;

	limit_half_open(port, 1);
	expect_pass(port, OUT, udp(VM, WEB, 1, 1), NEW);
	assert_true(find_session(port, &key, &session));
	port->record.pickup_until = (session.seen + LONG) | 1;
	publish_port(port);
	expect_pass(port, IN, tcp(CLIENT, VM, 50001, 80, SYN), NEW);
	expect_drop(port, IN, tcp(CLIENT, VM, 50002, 80, SYN), HALF_OPEN_LIMIT);
	expect_pass(port, IN, tcp(CLIENT, VM, 50003, 80, ACK), PICKED_UP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(a_full_port_opens_no_more_sessions),
		rig_test(what_is_denied_takes_no_place),
		rig_test(ended_sessions_make_room),
		rig_test(other_ports_have_their_own_limit),
		rig_test(a_burst_is_all_there_is_at_once),
		rig_test(denied_packets_do_not_use_up_the_rate),
		rig_test(the_rate_comes_back_with_time),
		rig_test(each_port_has_its_own_rate),
		rig_test(unfinished_handshakes_are_limited),
		rig_test(a_refused_handshake_is_finished_too),
		rig_test(connections_that_are_over_start_anew_within_the_limit),
		rig_test(an_expired_handshake_makes_room),
		rig_test(a_repeated_attempt_counts_once),
		rig_test(sessions_with_one_remote_are_limited),
		rig_test(what_remotes_open_counts_as_well),
		rig_test(a_remotes_ended_sessions_make_room),
		rig_test(a_successor_is_not_refused_for_its_predecessor),
		rig_test(the_sweep_ends_only_what_has_expired),
		rig_test(what_is_picked_up_is_no_handshake),
	};

	return run_rig_tests(tests);
}
