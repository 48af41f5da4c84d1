/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions of every protocol but TCP, whose own tests are in test_tcp.c: who may answer, for how
 * long, what is counted, and which ICMP errors belong to a session. The policy is the usual one:
 * in denied, out allowed, so that what comes in passes only because of a session.
 */
#include "tests/bpf/bpf_test.h"

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <string.h>

/* Timeouts are far from the time that a test takes, on either side. */
#define LONG   1000000
#define MARGIN 500000

/* ---- UDP and its kin ------------------------------------------------------------------------ */

static void a_sent_packet_lets_its_answers_in(void **state)
{
	struct rig_port *port = *state;
	struct session_key v4 = session_between(VM, 40000, WEB, 53, IPPROTO_UDP);
	struct session_key v6 = session_between(VM6, 40000, WEB6, 53, IPPROTO_UDP);

	expect_drop(port, IN, udp(WEB, VM, 53, 40000), POLICY);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_state(port, v4, UNREPLIED);
	expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
	expect_state(port, v4, REPLIED);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), ESTABLISHED);

	expect_drop(port, IN, udp(WEB6, VM6, 53, 40000), POLICY);
	expect_pass(port, OUT, udp(VM6, WEB6, 40000, 53), NEW);
	expect_pass(port, IN, udp(WEB6, VM6, 53, 40000), ESTABLISHED);
	expect_state(port, v6, REPLIED);
}

static void more_requests_are_no_answer(void **state)
{
	struct rig_port *port = *state;

	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), ESTABLISHED);
	expect_state(port, session_between(VM, 40000, WEB, 53, IPPROTO_UDP), UNREPLIED);
}

/* Each part of the five-tuple counts. */
static void only_the_exact_reverse_is_an_answer(void **state)
{
	struct rig_port *port = *state;

	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_drop(port, IN, udp(INTRUDER, VM, 53, 40000), POLICY);
	expect_drop(port, IN, udp(WEB, VM, 54, 40000), POLICY);
	expect_drop(port, IN, udp(WEB, VM, 53, 40001), POLICY);
	expect_drop(port, IN, udp(WEB, VM, 40000, 53), POLICY);
	expect_drop(port, IN, udp(WEB, INTRUDER, 53, 40000), POLICY);
	expect_drop(port, IN, udp(WEB, VM, 53, 40000, .lite = true), POLICY);
	expect_drop(port, IN, tcp(WEB, VM, 53, 40000, SYN), POLICY);
	expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
}

static void a_session_from_outside_lets_the_guest_answer(void **state)
{
	struct rig_port *port = *state;
	struct session_key key = session_between(VM, 53, CLIENT, 40000, IPPROTO_UDP);
	struct session session;

	set_defaults(port, true, false);
	expect_drop(port, OUT, udp(VM, CLIENT, 53, 40000), POLICY);
	expect_pass(port, IN, udp(CLIENT, VM, 40000, 53), NEW);
	assert_true(find_session(port, &key, &session));
	assert_false(session.flags & SESSION_OPENED_OUT);
	expect_pass(port, OUT, udp(VM, CLIENT, 53, 40000), ESTABLISHED);
	expect_state(port, key, REPLIED);
}

static void every_protocol_has_sessions(void **state)
{
	struct rig_port *port = *state;

	expect_pass(port, OUT, udp(VM, WEB, 5000, 6000, .lite = true), NEW);
	expect_pass(port, IN, udp(WEB, VM, 6000, 5000, .lite = true), ESTABLISHED);
	expect_drop(port, IN, udp(WEB, VM, 6001, 5000, .lite = true), POLICY);

	expect_pass(port, OUT, sctp(VM6, WEB6, 5000, 6000, SCTP_INIT), NEW);
	expect_pass(port, IN, sctp(WEB6, VM6, 6000, 5000, SCTP_INIT_ACK), ESTABLISHED);
	expect_drop(port, IN, sctp(WEB6, VM6, 6001, 5000, SCTP_INIT), POLICY);

	expect_pass(port, OUT, ip(VM, WEB, IPPROTO_GRE, 40), NEW);
	expect_pass(port, IN, ip(WEB, VM, IPPROTO_GRE, 40), ESTABLISHED);
	expect_drop(port, IN, ip(INTRUDER, VM, IPPROTO_GRE, 40), POLICY);
	expect_drop(port, IN, ip(WEB, VM, IPPROTO_ESP, 40), POLICY);
	expect_state(port, session_between(VM, 0, WEB, 0, IPPROTO_GRE), REPLIED);
}

static void ports_of_other_guests_have_their_own_sessions(void **state)
{
	struct rig_port *port = *state, *other = sibling(port, 1);

	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_drop(other, IN, udp(WEB, VM, 53, 40000), POLICY);
	expect_pass(other, OUT, udp(VM, WEB, 40000, 53), NEW);
	assert_int_equal(count_sessions(port), 1);
	assert_int_equal(count_sessions(other), 1);
}

/* ---- what a session remembers --------------------------------------------------------------- */

static void a_session_counts_by_direction(void **state)
{
	struct rig_port *port = *state;
	struct session_key key = session_between(VM, 40000, WEB, 53, IPPROTO_UDP);
	struct packet request = udp(VM, WEB, 40000, 53, .payload = 30);
	struct packet answer = udp(WEB, VM, 53, 40000, .payload = 500);
	struct session session;

	expect_pass(port, OUT, request, NEW);
	expect_pass(port, OUT, request, ESTABLISHED);
	expect_pass(port, IN, answer, ESTABLISHED);
	expect_drop(port, OUT, sent_by(INTRUDER, request), GUARD_MAC);
	assert_true(find_session(port, &key, &session));
	assert_int_equal(session.packets[OUT], 2);
	assert_int_equal(session.bytes[OUT], 2 * request.length);
	assert_int_equal(session.packets[IN], 1);
	assert_int_equal(session.bytes[IN], answer.length);
	assert_int_equal(session.generation, port->record.generation);
	assert_true(session.flags & SESSION_OPENED_OUT);
}

static void denied_packets_leave_no_session(void **state)
{
	struct rig_port *port = *state;

	expect_drop(port, IN, udp(CLIENT, VM, 40000, 53), POLICY);
	expect_drop(port, IN, echo_request(CLIENT6, VM6, 1), POLICY);
	expect_drop(port, IN, ip(CLIENT, VM, IPPROTO_GRE, 20), POLICY);
	assert_int_equal(count_sessions(port), 0);
	/* What the guest then sends is a request of its own, not an answer. */
	expect_pass(port, OUT, udp(VM, CLIENT, 53, 40000), NEW);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void an_unanswered_session_runs_out(void **state)
{
	struct rig_port *port = *state;
	struct session_key key = session_between(VM, 40000, WEB, 53, IPPROTO_UDP);

	port->rig->settings.timeout[STATE_UNREPLIED] = LONG;
	apply_rig_settings(port->rig);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	age_session(port, &key, LONG - MARGIN);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), ESTABLISHED);
	age_session(port, &key, LONG + MARGIN);
	expect_drop(port, IN, udp(WEB, VM, 53, 40000), POLICY);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
}

static void an_answered_session_lives_as_long_as_its_own_timeout(void **state)
{
	struct rig_port *port = *state;
	struct session_key key = session_between(VM6, 40000, WEB6, 53, IPPROTO_UDP);

	port->rig->settings.timeout[STATE_UNREPLIED] = LONG;
	port->rig->settings.timeout[STATE_REPLIED] = 3 * LONG;
	apply_rig_settings(port->rig);
	expect_pass(port, OUT, udp(VM6, WEB6, 40000, 53), NEW);
	expect_pass(port, IN, udp(WEB6, VM6, 53, 40000), ESTABLISHED);
	age_session(port, &key, 2 * LONG);
	expect_pass(port, IN, udp(WEB6, VM6, 53, 40000), ESTABLISHED);
	age_session(port, &key, 3 * LONG + MARGIN);
	expect_drop(port, IN, udp(WEB6, VM6, 53, 40000), POLICY);
}

static void a_packet_in_either_direction_keeps_a_session_alive(void **state)
{
	struct rig_port *port = *state;
	struct session_key key = session_between(VM, 40000, WEB, 53, IPPROTO_UDP);

	port->rig->settings.timeout[STATE_REPLIED] = 2 * LONG;
	apply_rig_settings(port->rig);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	for (int i = 0; i < 3; i++) {
		expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
		age_session(port, &key, LONG + MARGIN);
		expect_pass(port, OUT, udp(VM, WEB, 40000, 53), ESTABLISHED);
		age_session(port, &key, LONG + MARGIN);
	}
}

static void timeouts_change_live(void **state)
{
	struct rig_port *port = *state;
	struct session_key key = session_between(VM, 40000, WEB, 53, IPPROTO_UDP);

	port->rig->settings.timeout[STATE_UNREPLIED] = 3 * LONG;
	apply_rig_settings(port->rig);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	age_session(port, &key, 2 * LONG);
	port->rig->settings.timeout[STATE_UNREPLIED] = LONG;
	apply_rig_settings(port->rig);
	expect_drop(port, IN, udp(WEB, VM, 53, 40000), POLICY);
	port->rig->settings.timeout[STATE_UNREPLIED] = 3 * LONG;
	apply_rig_settings(port->rig);
	expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
}

/* A denied packet is none that the session was accepted for. */
static void refused_packets_do_not_keep_a_session_alive(void **state)
{
	struct rig_port *port = *state;
	struct session_key key = session_between(VM, 40000, WEB, 53, IPPROTO_UDP);
	struct session before, after;

	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	age_session(port, &key, 1000);
	assert_true(find_session(port, &key, &before));
	expect_drop(port, OUT, sent_by(INTRUDER, udp(VM, WEB, 40000, 53)), GUARD_MAC);
	expect_pass(port, IN, unreachable(ROUTER, VM, udp(VM, WEB, 40000, 53)), RELATED);
	assert_true(find_session(port, &key, &after));
	assert_memory_equal(&before, &after, sizeof(before));
}

/* ---- ICMP ----------------------------------------------------------------------------------- */

static void an_echo_request_lets_its_replies_in(void **state)
{
	struct rig_port *port = *state;

	expect_drop(port, IN, echo_reply(WEB, VM, 7), ICMP_STATE);
	expect_pass(port, OUT, echo_request(VM, WEB, 7), NEW);
	expect_pass(port, IN, echo_reply(WEB, VM, 7), ESTABLISHED);
	expect_pass(port, OUT, echo_request(VM, WEB, 7), ESTABLISHED);
	expect_drop(port, IN, echo_reply(WEB, VM, 8), ICMP_STATE);
	expect_drop(port, IN, echo_reply(INTRUDER, VM, 7), ICMP_STATE);
	expect_drop(port, IN, echo_request(WEB, VM, 7), POLICY);

	expect_drop(port, IN, echo_reply(WEB6, VM6, 7), ICMP_STATE);
	expect_pass(port, OUT, echo_request(VM6, WEB6, 7), NEW);
	expect_pass(port, IN, echo_reply(WEB6, VM6, 7), ESTABLISHED);
	expect_drop(port, IN, echo_reply(WEB6, VM6, 8), ICMP_STATE);
}

static void an_icmp_session_is_keyed_by_who_asks(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	expect_pass(port, OUT, echo_request(VM, WEB, 7), NEW);
	expect_state(port, session_between(VM, 7, WEB, ICMP_ECHO, IPPROTO_ICMP), UNREPLIED);
	/* The same identifier the other way round is another session. */
	expect_pass(port, IN, echo_request(WEB, VM, 7), NEW);
	expect_state(port, session_between(VM, ICMP_ECHO, WEB, 7, IPPROTO_ICMP), UNREPLIED);
	expect_pass(port, OUT, echo_reply(VM, WEB, 7), ESTABLISHED);
	expect_state(port, session_between(VM, 7, WEB, ICMP_ECHO, IPPROTO_ICMP), UNREPLIED);
	expect_state(port, session_between(VM, ICMP_ECHO, WEB, 7, IPPROTO_ICMP), REPLIED);
}

static void other_queries_are_answered_by_their_own_replies(void **state)
{
	struct rig_port *port = *state;

	expect_pass(port, OUT, icmp(VM, WEB, ICMP_TIMESTAMP, 0, .id = 3, .payload = 12), NEW);
	expect_drop(port, IN, echo_reply(WEB, VM, 3), ICMP_STATE);
	expect_pass(port, IN, icmp(WEB, VM, ICMP_TIMESTAMPREPLY, 0, .id = 3, .payload = 12),
		    ESTABLISHED);
	expect_drop(port, IN, icmp(WEB, VM, ICMP_ADDRESSREPLY, 0, .id = 3, .payload = 4),
		    ICMP_STATE);
}

static void a_reply_that_nobody_asked_for_may_not_be_sent_either(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	expect_drop(port, OUT, echo_reply(VM, CLIENT, 9), ICMP_STATE);
	expect_pass(port, IN, echo_request(CLIENT, VM, 9), NEW);
	expect_pass(port, OUT, echo_reply(VM, CLIENT, 9), ESTABLISHED);
}

/* ---- ICMP errors ---------------------------------------------------------------------------- */

static void errors_about_a_live_session_pass(void **state)
{
	struct rig_port *port = *state;
	struct packet request = udp(VM, WEB, 40000, 53, .payload = 100);
	struct packet request6 = udp(VM6, WEB6, 40000, 53, .payload = 100);

	expect_drop(port, IN, unreachable(WEB, VM, request), ICMP_STATE);
	expect_pass(port, OUT, request, NEW);
	expect_pass(port, IN, unreachable(WEB, VM, request), RELATED);
	/* A router on the way is as good a sender. */
	expect_pass(port, IN, unreachable(ROUTER, VM, request), RELATED);
	expect_pass(port, IN, icmp_error(ROUTER, VM, ICMP_TIME_EXCEEDED, 0, request, 28), RELATED);
	expect_pass(port, IN,
		    icmp_error(ROUTER, VM, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, request, 0),
		    RELATED);

	expect_drop(port, IN, unreachable(WEB6, VM6, request6), ICMP_STATE);
	expect_pass(port, OUT, request6, NEW);
	expect_pass(port, IN, unreachable(WEB6, VM6, request6), RELATED);
	expect_pass(port, IN, icmp_error(ROUTER6, VM6, ICMPV6_PKT_TOOBIG, 0, request6, 0), RELATED);
	expect_pass(port, IN, icmp_error(ROUTER6, VM6, ICMPV6_TIME_EXCEED, 0, request6, 48),
		    RELATED);
}

static void errors_about_anything_else_are_dropped(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_drop(port, IN, unreachable(WEB, VM, udp(VM, WEB, 40001, 53)), ICMP_STATE);
	expect_drop(port, IN, unreachable(WEB, VM, udp(VM, WEB, 40000, 54)), ICMP_STATE);
	expect_drop(port, IN, unreachable(WEB, VM, udp(VM, INTRUDER, 40000, 53)), ICMP_STATE);
	expect_drop(port, IN, unreachable(WEB, VM, udp(VM, WEB, 40000, 53, .lite = true)),
		    ICMP_STATE);
	/* The packet inside is not one that the guest sent. */
	expect_drop(port, IN, unreachable(WEB, VM, udp(WEB, VM, 53, 40000)), ICMP_STATE);
	/* An error for someone else about it. */
	expect_drop(port, IN, unreachable(WEB, INTRUDER, udp(VM, WEB, 40000, 53)), ICMP_STATE);
	/* No error about an error (RFC 1122, 3.2.2). */
	expect_drop(port, IN, unreachable(WEB, VM, unreachable(VM, WEB, udp(WEB, VM, 53, 40000))),
		    ICMP_STATE);
}

static void errors_the_guest_sends_are_about_what_it_received(void **state)
{
	struct rig_port *port = *state;
	struct packet request = udp(CLIENT, VM, 40000, 9, .payload = 10);
	struct packet request6 = udp(CLIENT6, VM6, 40000, 9, .payload = 10);

	set_defaults(port, true, false);
	expect_drop(port, OUT, unreachable(VM, CLIENT, request), ICMP_STATE);
	expect_pass(port, IN, request, NEW);
	expect_pass(port, OUT, unreachable(VM, CLIENT, request), RELATED);
	expect_drop(port, OUT, unreachable(VM, INTRUDER, request), ICMP_STATE);
	expect_drop(port, OUT, sent_by(VM, unreachable(INTRUDER, CLIENT, request)), GUARD_IP);
	expect_drop(port, OUT, sent_by(INTRUDER, unreachable(VM, CLIENT, request)), GUARD_MAC);
	expect_pass(port, IN, request6, NEW);
	expect_pass(port, OUT, unreachable(VM6, CLIENT6, request6), RELATED);
}

static void errors_look_through_options_and_extension_headers(void **state)
{
	struct rig_port *port = *state;
	struct packet request = with_ip_options(BYTES(1, 1, 1, 1), udp(VM, WEB, 40000, 53));
	struct packet request6 =
		with_hop_by_hop(with_destination_options(udp(VM6, WEB6, 40000, 53)));

	expect_pass(port, OUT, request, NEW);
	expect_pass(port, IN, unreachable(WEB, VM, request), RELATED);
	expect_pass(port, OUT, request6, NEW);
	expect_pass(port, IN, unreachable(WEB6, VM6, request6), RELATED);
	expect_pass(port, IN, with_hop_by_hop(unreachable(WEB6, VM6, request6)), RELATED);
}

static void errors_about_a_ping_find_its_session(void **state)
{
	struct rig_port *port = *state;

	expect_pass(port, OUT, echo_request(VM, WEB, 7), NEW);
	expect_pass(port, IN, unreachable(ROUTER, VM, echo_request(VM, WEB, 7)), RELATED);
	expect_drop(port, IN, unreachable(ROUTER, VM, echo_request(VM, WEB, 8)), ICMP_STATE);
	expect_pass(port, OUT, echo_request(VM6, WEB6, 7), NEW);
	expect_pass(port, IN, unreachable(ROUTER6, VM6, echo_request(VM6, WEB6, 7)), RELATED);
}

static void errors_that_are_cut_short_are_dropped(void **state)
{
	struct rig_port *port = *state;
	struct packet request = udp(VM, WEB, 40000, 53, .payload = 100);
	struct packet request6 = udp(VM6, WEB6, 40000, 53, .payload = 100);

	expect_pass(port, OUT, request, NEW);
	expect_pass(port, OUT, request6, NEW);
	expect_drop(port, IN, icmp(WEB, VM, ICMP_DEST_UNREACH, 1), TRUNCATED);
	expect_drop(port, IN, icmp_error(WEB, VM, ICMP_DEST_UNREACH, 1, request, 19), TRUNCATED);
	expect_drop(port, IN, icmp_error(WEB, VM, ICMP_DEST_UNREACH, 1, request, 27), TRUNCATED);
	expect_drop(port, IN, icmp_error(WEB6, VM6, ICMPV6_DEST_UNREACH, 1, request6, 39),
		    TRUNCATED);
	expect_drop(port, IN, icmp_error(WEB6, VM6, ICMPV6_DEST_UNREACH, 1, request6, 47),
		    TRUNCATED);
}

/* The clock has 32 bits: more than half of them is not a stamp from the future. */
static void what_is_weeks_old_is_over(void **state)
{
	static const uint32_t ages[] = {1U << 31, (1U << 31) + MARGIN, 3U << 30};
	struct session_key key = session_between(VM, 40000, WEB, 53, IPPROTO_UDP);
	struct rig_port *port = *state;

	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
		expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
		age_session(port, &key, ages[i]);
		expect_drop(port, IN, udp(WEB, VM, 53, 40000), POLICY);
	}
}

/* Another CPU has stamped it since this one read the clock. */
static void a_stamp_may_be_ahead(void **state)
{
	struct session_key key = session_between(VM, 40000, WEB, 53, IPPROTO_UDP);
	struct rig_port *port = *state;

	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	age_session(port, &key, -1000U);
	expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
}

static void errors_about_an_expired_session_are_dropped(void **state)
{
	struct rig_port *port = *state;
	struct packet request = udp(VM, WEB, 40000, 53);
	struct session_key key = session_between(VM, 40000, WEB, 53, IPPROTO_UDP);

	port->rig->settings.timeout[STATE_UNREPLIED] = LONG;
	apply_rig_settings(port->rig);
	expect_pass(port, OUT, request, NEW);
	age_session(port, &key, LONG + MARGIN);
	expect_drop(port, IN, unreachable(WEB, VM, request), ICMP_STATE);
}

/* A blind attacker does not know the sequence numbers (RFC 5927, 4.1). */
static void errors_about_tcp_must_name_a_segment_in_flight(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	struct packet sent;

	opens(&c, OUT);
	sent = next_segment(&c, OUT, ACK, .payload = 100);
	says_bytes(&c, OUT, ACK, 100, ESTABLISHED);
	expect_pass(port, IN, unreachable(ROUTER, VM, sent), RELATED);
	expect_drop(port, IN,
		    unreachable(ROUTER, VM,
				next_segment(&c, OUT, ACK, .sequence = 10000000, .payload = 9)),
		    ICMP_STATE);
	says(&c, IN, ACK, ESTABLISHED);
}

/* ---- multicast requests --------------------------------------------------------------------- */

static void answers_to_multicast_requests_pass(void **state)
{
	struct rig_port *port = *state;

	expect_drop(port, IN, udp(CLIENT, VM, 5353, 5353), POLICY);
	expect_drop(port, IN, udp(CLIENT, MDNS, 5353, 5353), POLICY);
	expect_pass(port, OUT, udp(VM, MDNS, 5353, 5353), NEW);
	expect_pass(port, IN, udp(CLIENT, VM, 5353, 5353), RELATED);
	expect_pass(port, IN, udp(CLIENT, MDNS, 5353, 5353), RELATED);
	expect_drop(port, IN, udp(CLIENT, VM, 5353, 53), POLICY);
	expect_drop(port, IN, udp(CLIENT, VM, 53, 5353), POLICY);
}

/* Whatever address the guest has: the session is from no address, and of the packet's family. */
static void a_session_with_a_group_is_from_no_address(void **state)
{
	struct rig_port *port = *state;
	struct session_key mdns = session_between(NOBODY, 5353, MDNS, 5353, IPPROTO_UDP);
	struct session_key dhcp = session_between(NOBODY, 68, BROADCAST, 67, IPPROTO_UDP);
	struct session_key dhcpv6 = session_between(NOBODY6, 546, ALL_DHCP, 547, IPPROTO_UDP);
	struct session session;

	expect_pass(port, OUT, udp(VM, MDNS, 5353, 5353), NEW);
	expect_pass(port, OUT, udp(VM, BROADCAST, 68, 67), NEW);
	expect_pass(port, OUT, udp(VM6, ALL_DHCP, 546, 547), NEW);
	assert_true(find_session(port, &mdns, &session));
	assert_true(find_session(port, &dhcp, &session));
	assert_true(find_session(port, &dhcpv6, &session));
	assert_int_equal(count_sessions(port), 3);
}

/* ICMP that neither asks nor answers: each type has its own session, of the side that sent it. */
static void leave_for_one_type_is_none_for_another(void **state)
{
	struct rig_port *port = *state;
	static const char *const policy =
		"<default in='deny' out='deny'/>"
		"<rule direction='out' action='allow'><icmp type='router-solicitation'/></rule>";

	set_policy(port, policy);
	expect_pass(port, OUT, icmp(VM, ROUTER, 10, 0), NEW);
	expect_pass(port, OUT, icmp(VM, ROUTER, 10, 0), ESTABLISHED);
	expect_drop(port, OUT, icmp(VM, ROUTER, 30, 0), POLICY);
	expect_drop(port, IN, icmp(ROUTER, VM, 10, 0), POLICY);
	expect_drop(port, IN, icmp(ROUTER, VM, 30, 0), POLICY);
	/* What is judged again is its own type. */
	set_policy(port, policy);
	expect_pass(port, OUT, icmp(VM, ROUTER, 10, 0), ESTABLISHED);
}

/* An identifier that is also the query's type gives pings of both sides the same key. */
static void only_the_asking_side_asks(void **state)
{
	struct rig_port *port = *state;

	expect_pass(port, OUT, echo_request(VM, WEB, ICMP_ECHO), NEW);
	expect_drop(port, IN, echo_request(WEB, VM, ICMP_ECHO), ICMP_STATE);
	expect_drop(port, OUT, echo_reply(VM, WEB, ICMP_ECHO), ICMP_STATE);
	expect_pass(port, IN, echo_reply(WEB, VM, ICMP_ECHO), ESTABLISHED);
}

static void padding_is_no_part_of_an_error(void **state)
{
	struct rig_port *port = *state;
	struct packet request = udp(VM, WEB, 40000, 53);
	struct packet error = unreachable(WEB, VM, request);

	expect_pass(port, OUT, request, NEW);
	/* The IP packet ends inside the packet that it is about, the frame behind it. */
	expect_drop(port, IN, set16(IPV4_TOTAL_LENGTH, 20 + 8 + 20, error), TRUNCATED);
	expect_drop(port, IN, set16(IPV4_TOTAL_LENGTH, 20 + 8 + 12, error), TRUNCATED);
	expect_pass(port, IN, error, RELATED);
}

static void errors_look_through_all_extension_headers(void **state)
{
	struct rig_port *port = *state;
	struct packet request = udp(VM6, WEB6, 40000, 53);

	/* As many as a packet itself may have. */
	for (int i = 0; i < 8; i++)
		request = with_routing(4, request);
	expect_pass(port, OUT, request, NEW);
	expect_pass(port, IN, unreachable(WEB6, VM6, request), RELATED);
}

/* RFC 4443, 2.4 (e.3): that a packet was too big is said also of one that went to a group. */
static void errors_about_what_went_to_a_group_pass(void **state)
{
	struct rig_port *port = *state;
	struct packet request = udp(VM6, ALL_DHCP, 546, 547, .payload = 100);

	expect_pass(port, OUT, request, NEW);
	expect_pass(port, IN, icmp_error(ROUTER6, VM6, ICMPV6_PKT_TOOBIG, 0, request, 0), RELATED);
	expect_drop(port, IN, icmp_error(ROUTER6, INTRUDER6, ICMPV6_PKT_TOOBIG, 0, request, 0),
		    ICMP_STATE);
}

static void errors_about_what_was_acknowledged_are_dropped(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);
	struct packet syn = next_segment(&c, OUT, SYN), answer, old;

	says(&c, OUT, SYN, NEW);
	expect_pass(port, IN, unreachable(ROUTER, VM, syn), RELATED);
	answer = next_segment(&c, IN, SYN | ACK);
	/* It has not said anything yet. */
	expect_drop(port, OUT, unreachable(VM, WEB, answer), ICMP_STATE);
	says(&c, IN, SYN | ACK, ESTABLISHED);
	expect_pass(port, OUT, unreachable(VM, WEB, answer), RELATED);
	old = next_segment(&c, OUT, ACK, .payload = 100);
	says_bytes(&c, OUT, ACK, 100, ESTABLISHED);
	expect_pass(port, IN, unreachable(ROUTER, VM, old), RELATED);
	says(&c, IN, ACK, ESTABLISHED);
	expect_drop(port, IN, unreachable(ROUTER, VM, old), ICMP_STATE);
	expect_pass(port, IN, unreachable(ROUTER, VM, next_segment(&c, OUT, ACK)), RELATED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(a_sent_packet_lets_its_answers_in),
		rig_test(more_requests_are_no_answer),
		rig_test(only_the_exact_reverse_is_an_answer),
		rig_test(a_session_from_outside_lets_the_guest_answer),
		rig_test(every_protocol_has_sessions),
		rig_test(ports_of_other_guests_have_their_own_sessions),
		rig_test(a_session_counts_by_direction),
		rig_test(denied_packets_leave_no_session),
		rig_test(an_unanswered_session_runs_out),
		rig_test(an_answered_session_lives_as_long_as_its_own_timeout),
		rig_test(a_packet_in_either_direction_keeps_a_session_alive),
		rig_test(timeouts_change_live),
		rig_test(refused_packets_do_not_keep_a_session_alive),
		rig_test(an_echo_request_lets_its_replies_in),
		rig_test(an_icmp_session_is_keyed_by_who_asks),
		rig_test(other_queries_are_answered_by_their_own_replies),
		rig_test(a_reply_that_nobody_asked_for_may_not_be_sent_either),
		rig_test(errors_about_a_live_session_pass),
		rig_test(errors_about_anything_else_are_dropped),
		rig_test(errors_the_guest_sends_are_about_what_it_received),
		rig_test(errors_look_through_options_and_extension_headers),
		rig_test(errors_about_a_ping_find_its_session),
		rig_test(errors_that_are_cut_short_are_dropped),
		rig_test(what_is_weeks_old_is_over),
		rig_test(a_stamp_may_be_ahead),
		rig_test(errors_about_an_expired_session_are_dropped),
		rig_test(errors_about_tcp_must_name_a_segment_in_flight),
		rig_test(answers_to_multicast_requests_pass),
		rig_test(a_session_with_a_group_is_from_no_address),
		rig_test(leave_for_one_type_is_none_for_another),
		rig_test(only_the_asking_side_asks),
		rig_test(padding_is_no_part_of_an_error),
		rig_test(errors_look_through_all_extension_headers),
		rig_test(errors_about_what_went_to_a_group_pass),
		rig_test(errors_about_what_was_acknowledged_are_dropped),
	};

	return run_rig_tests(tests);
}
