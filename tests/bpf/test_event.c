/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events: what is reported, what it says, and that no flood of packets is a flood of events.
 */
#include "tests/bpf/bpf_test.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#define LONG 1000000

#define LOGGED                                                                                     \
	"<default in='deny' out='allow'/>"                                                         \
	"<rule direction='in' action='allow' log='yes'><tcp port='80'/></rule>"                    \
	"<rule direction='in' action='deny' log='yes'><tcp port='22'/></rule>"                     \
	"<rule direction='in' action='allow'><tcp port='443'/></rule>"

static void a_logged_rule_reports_each_session_it_opens(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 80, CLIENT, 50000);
	struct event event;

	set_policy(port, LOGGED);
	says(&c, IN, SYN, NEW);
	event = expect_event(port, EVENT_NEW, NEW);
	assert_int_equal(event.direction, DIRECTION_IN);
	assert_int_equal(event.generation, port->record.generation);
	assert_int_equal(event.audit, 0);
	assert_int_equal(event.tcp_flags, SYN);
	assert_int_equal(event.verdict & VERDICT_RULE_MASK, 1);
	assert_int_equal(event.suppressed, 0);
	assert_int_equal(ntohs(event.ethertype), ETH_P_IP);
	assert_int_equal(event.length, 54);
	assert_memory_equal(event.source_mac, CLIENT->mac, MAC_BYTES);
	assert_memory_equal(&event.key, &c.key, sizeof(c.key));
	assert_true(event.time > 0);
	/* Once. */
	says(&c, OUT, SYN | ACK, ESTABLISHED);
	says(&c, IN, ACK, ESTABLISHED);
	expect_no_event(port);
}

static void a_session_that_is_picked_up_is_reported_too(void **state)
{
	struct rig_port *port = *state;
	struct session_key key = session_between(VM, 1, WEB, 1, IPPROTO_UDP);
	struct session session;

	expect_pass(port, OUT, udp(VM, WEB, 1, 1), NEW);
	assert_true(find_session(port, &key, &session));
	port->record.pickup_until = (session.seen + LONG) | 1;
	set_policy(port, LOGGED);
	expect_pass(port, IN, tcp(CLIENT, VM, 50000, 80, ACK), PICKED_UP);
	expect_event(port, EVENT_NEW, PICKED_UP);
	expect_pass(port, IN, tcp(CLIENT, VM, 50000, 443, ACK), PICKED_UP);
	expect_no_event(port);
}

static void a_logged_rule_reports_what_it_denies(void **state)
{
	struct rig_port *port = *state;
	struct event event;

	set_policy(port, LOGGED);
	expect_drop(port, IN, tcp(CLIENT6, VM6, 50000, 22, SYN), POLICY);
	event = expect_event(port, EVENT_DENIED, POLICY);
	assert_int_equal(event.verdict & VERDICT_RULE_MASK, 2);
	assert_int_equal(ntohs(event.ethertype), ETH_P_IPV6);
	assert_int_equal(event.key.local_port, htons(22));
	assert_memory_equal(event.key.remote, CLIENT6->address, ADDRESS_BYTES);
}

static void other_rules_report_nothing(void **state)
{
	struct rig_port *port = *state;

	set_policy(port, LOGGED);
	expect_pass(port, IN, tcp(CLIENT, VM, 50000, 443, SYN), NEW);
	expect_drop(port, IN, udp(CLIENT, VM, 50000, 53), POLICY);
	expect_pass(port, OUT, udp(VM, WEB, 50000, 53), NEW);
	expect_pass(port, OUT, arp(ARP_REQUEST, VM, ROUTER), ARP);
	expect_no_event(port);
}

static void what_no_rule_denies_is_always_reported(void **state)
{
	struct rig_port *port = *state;
	struct event event;

	expect_drop(port, OUT, sent_by(INTRUDER, arp(ARP_REQUEST, VM, ROUTER)), GUARD_MAC);
	event = expect_event(port, EVENT_DENIED, GUARD_MAC);
	assert_int_equal(event.direction, DIRECTION_OUT);
	assert_memory_equal(event.source_mac, INTRUDER->mac, MAC_BYTES);
	assert_int_equal(ntohs(event.ethertype), ETH_P_ARP);
	assert_int_equal(event.key.protocol, 0);
	expect_drop(port, OUT, ethernet(VM, ROUTER, 0x88cc, 46), GUARD_OTHER_ETHERTYPES);
	expect_event(port, EVENT_DENIED, GUARD_OTHER_ETHERTYPES);
	expect_drop(port, IN, tcp(CLIENT, VM, 50000, 80, ACK), TCP_STATE);
	expect_event(port, EVENT_DENIED, TCP_STATE);
	set_session_limit(port, 1);
	expect_pass(port, OUT, udp(VM, WEB, 1, 2), NEW);
	expect_drop(port, OUT, udp(VM, WEB, 2, 2), SESSION_LIMIT);
	expect_event(port, EVENT_DENIED, SESSION_LIMIT);
	expect_no_event(port);
}

static void a_revoked_session_is_reported_with_its_totals(void **state)
{
	struct rig_port *port = *state;
	struct packet request = udp(VM, WEB, 40000, 53, .payload = 20);
	struct packet answer = udp(WEB, VM, 53, 40000, .payload = 200);
	struct event event;

	expect_pass(port, OUT, request, NEW);
	expect_pass(port, OUT, request, ESTABLISHED);
	expect_pass(port, IN, answer, ESTABLISHED);
	set_defaults(port, false, false);
	expect_drop(port, IN, answer, REVOKED);
	event = expect_event(port, EVENT_ENDED, REVOKED);
	assert_int_equal(event.total[OUT].packets, 2);
	assert_int_equal(event.total[OUT].bytes, 2 * request.length);
	assert_int_equal(event.total[IN].packets, 1);
	assert_int_equal(event.total[IN].bytes, answer.length);
	expect_no_event(port);
}

static void the_end_of_a_logged_session_is_reported(void **state)
{
	struct rig_port *port = *state;
	struct conversation logged = conversation(port, VM, 80, CLIENT, 50000);
	struct conversation other = conversation(port, VM, 443, CLIENT, 50000);
	struct session_key keys[2];
	struct event event;

	set_policy(port, LOGGED);
	port->rig->settings.timeout[STATE_CLOSED] = LONG;
	apply_rig_settings(port->rig);
	opens(&logged, IN);
	expect_event(port, EVENT_NEW, NEW);
	opens(&other, IN);
	says(&logged, OUT, RST, ESTABLISHED);
	says(&other, OUT, RST, ESTABLISHED);
	keys[0] = logged.key;
	keys[1] = other.key;
	age_session(port, &keys[0], 2 * LONG);
	age_session(port, &keys[1], 2 * LONG);
	assert_int_equal(expire_sessions(port, keys, 2), 2);
	event = expect_event(port, EVENT_ENDED, ESTABLISHED);
	assert_memory_equal(&event.key, &logged.key, sizeof(event.key));
	assert_int_equal(event.direction, DIRECTION_IN);
	assert_int_equal(event.total[IN].packets, 2);
	assert_int_equal(event.total[OUT].packets, 2);
	expect_no_event(port);
}

/* A successor on the same ports ends its predecessor when it is answered. */
static void a_replaced_logged_session_is_reported(void **state)
{
	struct rig_port *port = *state;
	struct conversation c = conversation(port, VM, 80, CLIENT, 50000);
	struct session session;
	struct event event;

	set_policy(port, LOGGED);
	opens(&c, IN);
	expect_event(port, EVENT_NEW, NEW);
	says(&c, OUT, RST, ESTABLISHED);
	c.next[IN] += 100000;
	says(&c, IN, SYN, NEW);
	expect_event(port, EVENT_NEW, NEW);
	expect_no_event(port);
	says(&c, OUT, SYN | ACK, ESTABLISHED);
	event = expect_event(port, EVENT_ENDED, ESTABLISHED);
	assert_int_equal(event.direction, DIRECTION_IN);
	assert_int_equal(event.total[IN].packets, 3);
	assert_int_equal(event.total[OUT].packets, 2);
	assert_true(find_session(port, &c.key, &session));
	assert_int_equal(session.packets[IN], 0);
	assert_int_equal(session.packets[OUT], 1);
}

/* ---- pacing --------------------------------------------------------------------------------- */

static void events_are_paced_and_the_rest_is_counted(void **state)
{
	struct rig_port *port = *state, *other = sibling(port, 1);
	struct rig *rig = port->rig;
	struct event event;

	rig->settings.hz = 1 << 30; /* the next second never comes */
	rig->settings.event_rate = 10;
	rig->settings.event_burst = 3;
	apply_rig_settings(rig);
	for (int i = 0; i < 10; i++)
		expect_drop(port, OUT, ethernet(VM, ROUTER, 0x88cc, 46), GUARD_OTHER_ETHERTYPES);
	for (int i = 0; i < 3; i++)
		expect_event(port, EVENT_DENIED, GUARD_OTHER_ETHERTYPES);
	expect_no_event(port);
	assert_int_equal(read_rig_port_state(port).events_suppressed, 7);
	/* No port pays for another's flood. */
	expect_drop(other, OUT, ethernet(VM, ROUTER, 0x88cc, 46), GUARD_OTHER_ETHERTYPES);
	expect_event(other, EVENT_DENIED, GUARD_OTHER_ETHERTYPES);
	/* The next event says how many were not sent. */
	rig->settings.event_burst = 1000;
	apply_rig_settings(rig);
	expect_drop(port, OUT, ethernet(VM, ROUTER, 0x88cc, 46), GUARD_OTHER_ETHERTYPES);
	event = expect_event(port, EVENT_DENIED, GUARD_OTHER_ETHERTYPES);
	assert_int_equal(event.suppressed, 7);
}

static void events_can_be_off(void **state)
{
	struct rig_port *port = *state;

	port->rig->settings.event_rate = 0;
	apply_rig_settings(port->rig);
	expect_drop(port, OUT, ethernet(VM, ROUTER, 0x88cc, 46), GUARD_OTHER_ETHERTYPES);
	expect_no_event(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(a_logged_rule_reports_each_session_it_opens),
		rig_test(a_session_that_is_picked_up_is_reported_too),
		rig_test(a_logged_rule_reports_what_it_denies),
		rig_test(other_rules_report_nothing),
		rig_test(what_no_rule_denies_is_always_reported),
		rig_test(a_revoked_session_is_reported_with_its_totals),
		rig_test(the_end_of_a_logged_session_is_reported),
		rig_test(a_replaced_logged_session_is_reported),
		rig_test(events_are_paced_and_the_rest_is_counted),
		rig_test(events_can_be_off),
	};

	return run_rig_tests(tests);
}
