// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * VLANs of one trunk are networks of their own: the same addresses and ports in two of them are two
 * sessions. The port lets every tag through; in is denied, out allowed, so what comes in passes
 * only because of a session of its own VLAN.
 */
#include "tests/bpf/bpf_test.h"

#include <netinet/in.h>

static struct rig_port *open_trunk(void **state)
{
	struct rig_port *port = *state;

	port->record.guards &= ~GUARD_VLAN;
	publish_port(port);
	return port;
}

static void each_vlan_has_its_own_sessions(void **state)
{
	struct rig_port *port = open_trunk(state);
	struct session_key key = session_between(VM, 40000, WEB, 53, IPPROTO_UDP);
	struct packet query = udp(VM, WEB, 40000, 53), answer = udp(WEB, VM, 53, 40000);

	expect_pass(port, OUT, in_vlan(100, query), NEW);
	expect_drop(port, IN, in_vlan(200, answer), POLICY);
	expect_drop(port, IN, answer, POLICY);
	expect_pass(port, IN, in_vlan(100, answer), ESTABLISHED);
	expect_pass(port, OUT, in_vlan(200, query), NEW);
	expect_pass(port, OUT, query, NEW);
	expect_state(port, key_in_vlan(100, 0, key), REPLIED);
	expect_state(port, key_in_vlan(200, 0, key), UNREPLIED);
	expect_state(port, key, UNREPLIED);
}

/* Both VMs that use a trunk's addresses open from the same port, with numbers of their own. */
static void the_same_connection_in_two_vlans_is_two(void **state)
{
	struct rig_port *port = open_trunk(state);

	set_defaults(port, true, false);
	for (uint32_t vlan = 100; vlan <= 200; vlan += 100) {
		uint32_t theirs = vlan * 1000000, ours = vlan * 7000000;

		expect_pass(port, IN,
			    in_vlan((uint16_t)vlan,
				    tcp(CLIENT, VM, 5000, 80, SYN, .sequence = theirs)),
			    NEW);
		expect_pass(port, OUT,
			    in_vlan((uint16_t)vlan,
				    tcp(VM, CLIENT, 80, 5000, SYN | ACK, .sequence = ours,
					.acknowledgment = theirs + 1)),
			    ESTABLISHED);
		expect_pass(port, IN,
			    in_vlan((uint16_t)vlan,
				    tcp(CLIENT, VM, 5000, 80, ACK, .sequence = theirs + 1,
					.acknowledgment = ours + 1)),
			    ESTABLISHED);
	}
	assert_int_equal(count_sessions(port), 2);
}

/* The kernel keeps the outermost tag of what it receives beside the frame. */
static void it_does_not_matter_where_the_tag_is(void **state)
{
	struct rig_port *port = open_trunk(state);

	expect_pass(port, OUT, in_offloaded_vlan(100, udp(VM, WEB, 40000, 53)), NEW);
	expect_pass(port, IN, in_vlan(100, udp(WEB, VM, 53, 40000)), ESTABLISHED);
	expect_pass(port, IN, in_service_vlan(100, udp(WEB, VM, 53, 40000)), ESTABLISHED);
	expect_pass(port, OUT, in_vlan(7 << 13 | 100, udp(VM, WEB, 40000, 53)), ESTABLISHED);
	assert_int_equal(count_sessions(port), 1);
}

static void a_priority_tag_is_in_no_vlan(void **state)
{
	struct rig_port *port = open_trunk(state);

	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_pass(port, IN, in_vlan(0, udp(WEB, VM, 53, 40000)), ESTABLISHED);
	expect_pass(port, IN, in_offloaded_vlan(5 << 13, udp(WEB, VM, 53, 40000)), ESTABLISHED);
	expect_pass(port, OUT, in_vlan(100, udp(VM, WEB, 40000, 53)), NEW);
	expect_pass(port, IN, in_vlan(0, in_vlan(100, udp(WEB, VM, 53, 40000))), ESTABLISHED);
	assert_int_equal(count_sessions(port), 2);
}

static void a_vlan_inside_a_vlan_is_a_network_too(void **state)
{
	struct rig_port *port = open_trunk(state);
	struct packet query = udp(VM, WEB, 40000, 53), answer = udp(WEB, VM, 53, 40000);
	struct session_key key = session_between(VM, 40000, WEB, 53, IPPROTO_UDP);

	expect_pass(port, OUT, in_service_vlan(10, in_vlan(100, query)), NEW);
	expect_drop(port, IN, in_service_vlan(10, in_vlan(200, answer)), POLICY);
	expect_drop(port, IN, in_service_vlan(20, in_vlan(100, answer)), POLICY);
	expect_drop(port, IN, in_service_vlan(100, in_vlan(10, answer)), POLICY);
	expect_drop(port, IN, in_vlan(10, answer), POLICY);
	expect_drop(port, IN, in_vlan(100, answer), POLICY);
	expect_pass(port, IN, in_offloaded_vlan(10, in_vlan(100, answer)), ESTABLISHED);
	expect_state(port, key_in_vlan(10, 100, key), REPLIED);
}

/* There is no telling its networks apart. */
static void a_third_vlan_is_dropped(void **state)
{
	struct rig_port *port = open_trunk(state);
	struct packet frame = in_service_vlan(20, in_vlan(30, udp(VM, WEB, 40000, 53)));

	expect_drop(port, OUT, in_offloaded_vlan(10, frame), VLAN_TAGS);
	expect_pass(port, OUT, in_offloaded_vlan(0, frame), NEW);
}

static void errors_stay_in_their_vlan(void **state)
{
	struct rig_port *port = open_trunk(state);
	struct packet query = udp(VM, WEB, 40000, 53), error = unreachable(ROUTER, VM, query);

	expect_pass(port, OUT, in_vlan(100, query), NEW);
	expect_drop(port, IN, in_vlan(200, error), ICMP_STATE);
	expect_drop(port, IN, error, ICMP_STATE);
	expect_pass(port, IN, in_vlan(100, error), RELATED);
}

static void answers_to_many_stay_in_their_vlan(void **state)
{
	struct rig_port *port = open_trunk(state);

	expect_pass(port, OUT, in_vlan(100, dhcp_discover(NOBODY)), NEW);
	expect_drop(port, IN, in_vlan(200, dhcp_offer(ROUTER, VM)), POLICY);
	expect_drop(port, IN, dhcp_offer(ROUTER, VM), POLICY);
	expect_pass(port, IN, in_vlan(100, dhcp_offer(ROUTER, VM)), RELATED);
}

static void fragments_stay_in_their_vlan(void **state)
{
	struct rig_port *port = open_trunk(state);
	struct packet whole = udp(VM, WEB, 40000, 53, .payload = 192);

	expect_pass(port, OUT, in_vlan(100, fragment(77, 0, 96, whole)), NEW);
	expect_drop(port, OUT, in_vlan(200, fragment(77, 96, 0, whole)), FRAGMENT);
	expect_drop(port, OUT, fragment(77, 96, 0, whole), FRAGMENT);
	expect_pass(port, OUT, in_vlan(100, fragment(77, 96, 0, whole)), FRAGMENT_FOLLOWS);
}

static void a_remote_is_counted_in_its_vlan(void **state)
{
	struct rig_port *port = open_trunk(state);
	struct session_key key = session_between(VM, 0, WEB, 0, IPPROTO_UDP);

	port->record.limits[LIMIT_SESSIONS_PER_REMOTE] = 1;
	publish_port(port);
	expect_pass(port, OUT, in_vlan(100, udp(VM, WEB, 40000, 53)), NEW);
	expect_drop(port, OUT, in_vlan(100, udp(VM, WEB, 40001, 53)), REMOTE_LIMIT);
	expect_pass(port, OUT, in_vlan(200, udp(VM, WEB, 40001, 53)), NEW);
	expect_pass(port, OUT, udp(VM, WEB, 40001, 53), NEW);
	key = key_in_vlan(100, 0, key);
	assert_int_equal(count_remote_sessions(port, &key), 1);
}

/* A session that the policy cuts is cut in its VLAN. */
static void a_revoked_session_is_that_of_the_vlan(void **state)
{
	struct rig_port *port = open_trunk(state);
	struct session_key key = session_between(VM, 40000, WEB, 53, IPPROTO_UDP);

	expect_pass(port, OUT, in_vlan(100, udp(VM, WEB, 40000, 53)), NEW);
	expect_pass(port, OUT, in_vlan(200, udp(VM, WEB, 40000, 53)), NEW);
	set_defaults(port, false, false);
	expect_drop(port, OUT, in_vlan(200, udp(VM, WEB, 40000, 53)), REVOKED);
	expect_no_session(port, key_in_vlan(200, 0, key));
	expect_state(port, key_in_vlan(100, 0, key), UNREPLIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(each_vlan_has_its_own_sessions),
		rig_test(the_same_connection_in_two_vlans_is_two),
		rig_test(it_does_not_matter_where_the_tag_is),
		rig_test(a_priority_tag_is_in_no_vlan),
		rig_test(a_vlan_inside_a_vlan_is_a_network_too),
		rig_test(a_third_vlan_is_dropped),
		rig_test(errors_stay_in_their_vlan),
		rig_test(answers_to_many_stay_in_their_vlan),
		rig_test(fragments_stay_in_their_vlan),
		rig_test(a_remote_is_counted_in_its_vlan),
		rig_test(a_revoked_session_is_that_of_the_vlan),
	};

	return run_rig_tests(tests);
}
