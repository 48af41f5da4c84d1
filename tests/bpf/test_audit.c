/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Audit mode: everything is judged, counted and reported as it would be, and nothing is dropped.
 */
#include "tests/bpf/bpf_test.h"

static struct rig_port *audited_port(void **state)
{
	struct rig_port *port = *state;

	port->record.flags |= PORT_AUDIT;
	publish_port(port);
	return port;
}

static void what_is_allowed_is_nothing_special(void **state)
{
	struct rig_port *port = audited_port(state);
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	opens(&c, OUT);
	expect_pass(port, OUT, arp(ARP_REQUEST, VM, ROUTER), ARP);
	expect_pass(port, OUT, neighbor_solicitation(VM6, ROUTER6), ND);
	expect_pass(port, OUT, igmp_report(VM), MULTICAST);
}

static void what_would_be_dropped_passes(void **state)
{
	struct rig_port *port = audited_port(state);

	expect_audited(port, IN, udp(CLIENT, VM, 40000, 53), POLICY);
	expect_audited(port, IN, tcp(CLIENT6, VM6, 40000, 80, ACK), TCP_STATE);
	expect_audited(port, IN, echo_reply(CLIENT, VM, 7), ICMP_STATE);
	expect_audited(port, IN, fragment(7, 96, 0, udp(CLIENT, VM, 1, 2, .payload = 200)),
		       FRAGMENT);
	expect_audited(port, OUT, in_vlan(10, udp(VM, WEB, 40000, 53)), GUARD_VLAN);
	expect_audited(port, OUT, ethernet(VM, ROUTER, 0x88cc, 46), GUARD_OTHER_ETHERTYPES);
	expect_audited(port, OUT, set16(IPV4_TOTAL_LENGTH, 19, udp(VM, WEB, 1, 2)), BAD_LENGTH);
}

static void guards_drop_nothing_either(void **state)
{
	struct rig_port *port = audited_port(state);

	expect_audited(port, OUT, sent_by(INTRUDER, udp(VM, WEB, 40000, 53)), GUARD_MAC);
	expect_audited(port, OUT, sent_by(VM, udp(INTRUDER, WEB, 40000, 53)), GUARD_IP);
	expect_audited(port, OUT, sent_by(VM, arp(ARP_REPLY, INTRUDER, ROUTER)), GUARD_ARP);
	expect_audited(port, OUT, neighbor_advertisement(VM6, ROUTER6, ROUTER6), GUARD_ND);
	expect_audited(port, OUT, router_advertisement(VM_LINK), GUARD_ROUTER_ADVERTISEMENT);
	expect_audited(port, OUT, dhcp_offer(VM, CLIENT), GUARD_DHCP_SERVER);
}

/* Audit opens no session for what the policy denies: each packet is counted as it would be. */
static void what_would_be_dropped_opens_no_session(void **state)
{
	struct rig_port *port = audited_port(state);

	for (int i = 0; i < 3; i++)
		expect_audited(port, IN, udp(CLIENT, VM, 40000, 53), POLICY);
	assert_int_equal(count_sessions(port), 0);
}

static void limits_drop_nothing_either(void **state)
{
	struct rig_port *port = audited_port(state);

	set_session_limit(port, 1);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_audited(port, OUT, udp(VM, WEB, 40001, 53), SESSION_LIMIT);
	expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
}

static void a_policy_change_cuts_nothing(void **state)
{
	struct rig_port *port = audited_port(state);
	struct session_key key = session_between(VM, 40000, WEB, 53, 17);

	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	set_defaults(port, false, false);
	expect_audited(port, IN, udp(WEB, VM, 53, 40000), REVOKED);
	expect_audited(port, OUT, udp(VM, WEB, 40000, 53), REVOKED);
	expect_state(port, key, UNREPLIED);
	set_defaults(port, false, true);
	expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
}

static void a_broken_image_drops_nothing_either(void **state)
{
	struct rig_port *port = audited_port(state);

	break_image(port);
	expect_audited(port, OUT, udp(VM, WEB, 40000, 53), IMAGE);
}

/* Without a port nothing says that it is in audit mode. */
static void no_port_is_no_audit(void **state)
{
	struct rig_port *port = audited_port(state);

	withdraw_port(port);
	expect_drop(port, OUT, udp(VM, WEB, 40000, 53), NO_PORT);
}

static void events_say_that_they_are_audits(void **state)
{
	struct rig_port *port = audited_port(state);
	struct event event;

	expect_audited(port, OUT, sent_by(INTRUDER, udp(VM, WEB, 40000, 53)), GUARD_MAC);
	event = expect_event(port, EVENT_DENIED, GUARD_MAC);
	assert_int_equal(event.audit, 1);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	set_defaults(port, false, false);
	expect_audited(port, OUT, udp(VM, WEB, 40000, 53), REVOKED);
	event = expect_event(port, EVENT_DENIED, REVOKED);
	assert_int_equal(event.audit, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(what_is_allowed_is_nothing_special),
		rig_test(what_would_be_dropped_passes),
		rig_test(guards_drop_nothing_either),
		rig_test(what_would_be_dropped_opens_no_session),
		rig_test(limits_drop_nothing_either),
		rig_test(a_policy_change_cuts_nothing),
		rig_test(a_broken_image_drops_nothing_either),
		rig_test(no_port_is_no_audit),
		rig_test(events_say_that_they_are_audits),
	};

	return run_rig_tests(tests);
}
