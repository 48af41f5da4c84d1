/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy change judges every live session again, by the packet that opened it: what the new
 * policy forbids is cut at once, the rest goes on without a gap.
 */
#include "tests/bpf/bpf_test.h"

#include <linux/icmp.h>
#include <netinet/in.h>

#define ALLOW_WEB                                                                                  \
	"<default in='deny' out='deny'/>"                                                          \
	"<rule direction='out' action='allow'><tcp port='80'/></rule>"                             \
	"<rule direction='in' action='allow'><tcp port='22'/></rule>"
#define DENY_ALL "<default in='deny' out='deny'/>"

static void a_forbidden_session_is_cut(void **state)
{
	struct rig_port *port = *state;
	struct conversation out = conversation(port, VM, 40000, WEB, 80);
	struct conversation in = conversation(port, VM6, 22, CLIENT6, 50000);

	set_policy(port, ALLOW_WEB);
	opens(&out, OUT);
	opens(&in, IN);
	set_policy(port, DENY_ALL);
	/* Whichever side speaks next. */
	says_in_vain(&out, IN, ACK, REVOKED);
	expect_no_session(port, out.key);
	says_in_vain(&out, OUT, ACK, TCP_STATE);
	says_in_vain(&in, OUT, ACK, REVOKED);
	expect_no_session(port, in.key);
	says_in_vain(&in, IN, SYN, POLICY);
}

static void a_permitted_session_goes_on(void **state)
{
	struct rig_port *port = *state;
	struct conversation out = conversation(port, VM, 40000, WEB, 80);
	struct conversation in = conversation(port, VM6, 22, CLIENT6, 50000);
	struct session before, after;

	set_policy(port, ALLOW_WEB);
	opens(&out, OUT);
	opens(&in, IN);
	assert_true(find_session(port, &out.key, &before));
	set_policy(port, ALLOW_WEB "<rule direction='in' action='allow'><udp port='53'/></rule>");
	says_bytes(&out, IN, ACK, 100, ESTABLISHED);
	says(&out, OUT, ACK, ESTABLISHED);
	says_bytes(&in, OUT, ACK, 100, ESTABLISHED);
	assert_true(find_session(port, &out.key, &after));
	assert_int_equal(after.generation, port->record.generation);
	assert_int_not_equal(after.generation, before.generation);
	assert_int_equal(after.created, before.created);
	assert_int_equal(after.packets[OUT], before.packets[OUT] + 1);
	assert_int_equal(after.packets[IN], before.packets[IN] + 1);
}

/* The direction of the packet at hand is not the direction of the session. */
static void the_opener_is_judged_not_the_packet(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, false, true);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	set_defaults(port, false, true);
	expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
	/* In is now allowed, out is not: the session was opened out. */
	set_defaults(port, true, false);
	expect_drop(port, IN, udp(WEB, VM, 53, 40000), REVOKED);
	expect_pass(port, IN, udp(WEB, VM, 53, 40000), NEW);
}

static void every_protocol_is_judged_by_what_it_asked(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	expect_pass(port, OUT, echo_request(VM, WEB, 7), NEW);
	expect_pass(port, OUT, ip(VM, WEB, IPPROTO_GRE, 20), NEW);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_pass(port, IN, echo_request(CLIENT6, VM6, 7), NEW);
	set_policy(port, "<default in='deny' out='deny'/>"
			 "<rule direction='out' action='allow'><icmp type='echo-request'/></rule>"
			 "<rule direction='out' action='allow'><udp port='53'/></rule>");
	expect_pass(port, IN, echo_reply(WEB, VM, 7), ESTABLISHED);
	expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
	expect_drop(port, IN, ip(WEB, VM, IPPROTO_GRE, 20), REVOKED);
	expect_drop(port, OUT, echo_reply(VM6, CLIENT6, 7), REVOKED);
}

static void the_source_port_is_remembered(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	expect_pass(port, OUT, udp(VM, WEB, 123, 123), NEW);
	expect_pass(port, OUT, udp(VM, WEB, 124, 123), NEW);
	set_policy(port, "<default in='deny' out='deny'/>"
			 "<rule direction='out' action='allow'>"
			 "<udp port='123' source-port='123'/></rule>");
	expect_pass(port, IN, udp(WEB, VM, 123, 123), ESTABLISHED);
	expect_drop(port, IN, udp(WEB, VM, 123, 124), REVOKED);
}

static void the_remote_is_judged(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	expect_pass(port, IN, udp(CLIENT, VM, 40000, 53), NEW);
	expect_pass(port, IN, udp(INTRUDER, VM, 40000, 53), NEW);
	set_policy(port,
		   "<default in='allow' out='allow'/>"
		   "<rule direction='in' action='deny'><remote cidr='203.0.113.0/24'/></rule>");
	expect_pass(port, OUT, udp(VM, CLIENT, 53, 40000), ESTABLISHED);
	expect_drop(port, OUT, udp(VM, INTRUDER, 53, 40000), REVOKED);
}

static void established_sessions_may_be_kept(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	set_policy(port, "<default in='deny' out='deny'/>"
			 "<rule direction='out' action='allow' keep-established='yes'>"
			 "<tcp port='80'/></rule>"
			 "<rule direction='out' action='allow'><tcp port='443'/></rule>");
	opens(&c, OUT);
	expect_pass(port, OUT, tcp(VM, WEB, 40001, 443, SYN), NEW);
	set_policy(port, DENY_ALL);
	says_bytes(&c, IN, ACK, 100, ESTABLISHED);
	says(&c, OUT, ACK, ESTABLISHED);
	expect_drop(port, OUT, tcp(VM, WEB, 40001, 443, SYN), REVOKED);
	expect_drop(port, OUT, tcp(VM, WEB, 40002, 80, SYN), POLICY);
	/* Also by the policy after the next. */
	set_policy(port, "<default in='deny' out='deny'/>");
	says(&c, OUT, ACK, ESTABLISHED);
}

static void errors_about_a_forbidden_session_are_dropped(void **state)
{
	struct rig_port *port = *state;
	struct packet request = udp(VM, WEB, 40000, 53);

	expect_pass(port, OUT, request, NEW);
	expect_pass(port, IN, unreachable(ROUTER, VM, request), RELATED);
	set_policy(port, DENY_ALL);
	expect_drop(port, IN, unreachable(ROUTER, VM, request), ICMP_STATE);
	expect_drop(port, OUT, request, REVOKED);
}

/* The counts that the limits use end with the session. */
static void a_revoked_session_makes_room(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	port->record.limits[LIMIT_HALF_OPEN] = 1;
	port->record.limits[LIMIT_SESSIONS_PER_REMOTE] = 1;
	publish_port(port);
	says(&c, OUT, SYN, NEW);
	set_policy(port, DENY_ALL);
	says_in_vain(&c, IN, SYN | ACK, REVOKED);
	set_policy(port, ALLOW_WEB);
	expect_pass(port, OUT, tcp(VM, WEB, 40001, 80, SYN), NEW);
	expect_drop(port, OUT, tcp(VM, WEB, 40002, 80, SYN), HALF_OPEN_LIMIT);
}

/* A connection that is over does not stand in the way of one that the other side may open now. */
static void what_is_over_is_not_revoked(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	opens(&c, OUT);
	closes(&c, OUT);
	set_defaults(port, true, false);
	c.next[IN] += 500000;
	says(&c, IN, SYN, NEW);
}

static void guards_come_before_revocation(void **state)
{
	struct rig_port *port = *state;
	struct session_key key = session_between(INTRUDER, 53, CLIENT, 40000, IPPROTO_UDP);

	set_defaults(port, true, true);
	expect_pass(port, IN, udp(CLIENT, INTRUDER, 40000, 53), NEW);
	set_defaults(port, false, false);
	expect_drop(port, OUT, sent_by(VM, udp(INTRUDER, CLIENT, 53, 40000)), GUARD_IP);
	expect_state(port, key, UNREPLIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(a_forbidden_session_is_cut),
		rig_test(a_permitted_session_goes_on),
		rig_test(the_opener_is_judged_not_the_packet),
		rig_test(every_protocol_is_judged_by_what_it_asked),
		rig_test(the_source_port_is_remembered),
		rig_test(the_remote_is_judged),
		rig_test(established_sessions_may_be_kept),
		rig_test(errors_about_a_forbidden_session_are_dropped),
		rig_test(a_revoked_session_makes_room),
		rig_test(what_is_over_is_not_revoked),
		rig_test(guards_come_before_revocation),
	};

	return run_rig_tests(tests);
}
