/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies in the loaded programs: packets meet the rule that first-match says they should, by
 * remote, direction, protocol, port, source port and ICMP type, in both families.
 */
#include "tests/bpf/bpf_test.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <string.h>

#include "tests/harness/policy_case.h"

/* ---- defaults ------------------------------------------------------------------------------- */

static void the_default_decides_by_direction(void **state)
{
	struct rig_port *port = *state;

	set_policy(port, "");
	expect_drop(port, IN, tcp(CLIENT, VM, 40000, 80, SYN), POLICY);
	expect_drop(port, IN, tcp(CLIENT6, VM6, 40000, 80, SYN), POLICY);
	expect_pass(port, OUT, tcp(VM, WEB, 40000, 80, SYN), NEW);
	expect_pass(port, OUT, tcp(VM6, WEB6, 40000, 80, SYN), NEW);
	set_policy(port, "<default in='allow' out='deny'/>");
	expect_pass(port, IN, tcp(CLIENT, VM, 40000, 80, SYN), NEW);
	expect_drop(port, OUT, tcp(VM, WEB, 40001, 80, SYN), POLICY);
	expect_drop(port, OUT, tcp(VM6, WEB6, 40001, 80, SYN), POLICY);
}

/* ---- remotes: rows -------------------------------------------------------------------------- */

static void remotes_match_by_longest_prefix_and_first_rule(void **state)
{
	struct rig_port *port = *state;

	set_policy(port,
		   "<default in='deny' out='deny'/>"
		   "<rule direction='in' action='deny'><remote cidr='192.0.2.7'/></rule>"
		   "<rule direction='in' action='allow'><remote cidr='192.0.2.0/24'/></rule>"
		   "<rule direction='in' action='allow'><remote cidr='2001:db8:7::/64'/></rule>");
	expect_drop(port, IN, tcp(CLIENT, VM, 40000, 80, SYN), POLICY);
	expect_drop(port, IN, tcp(INTRUDER, VM, 40000, 80, SYN), POLICY);
	expect_pass(port, IN, set8(NETWORK(15), 8, tcp(CLIENT, VM, 40000, 80, SYN)), NEW);
	expect_pass(port, IN, set8(NETWORK(15), 0, tcp(CLIENT, VM, 40000, 80, SYN)), NEW);
	expect_pass(port, IN, set8(NETWORK(15), 255, tcp(CLIENT, VM, 40000, 80, SYN)), NEW);
	expect_drop(port, IN, set8(NETWORK(14), 3, tcp(CLIENT, VM, 40000, 80, SYN)), POLICY);
	expect_drop(port, IN, set8(NETWORK(14), 1, tcp(CLIENT, VM, 40000, 80, SYN)), POLICY);
	expect_pass(port, IN, tcp(CLIENT6, VM6, 40000, 80, SYN), NEW);
	expect_pass(port, IN, set8(NETWORK(16), 0xff, tcp(CLIENT6, VM6, 40001, 80, SYN)), NEW);
	expect_drop(port, IN, set8(NETWORK(15), 1, tcp(CLIENT6, VM6, 40000, 80, SYN)), POLICY);
}

static void a_family_that_is_not_named_does_not_match(void **state)
{
	struct rig_port *port = *state;

	set_policy(port, "<default in='deny' out='deny'/>"
			 "<rule direction='in' action='allow'><remote cidr='0.0.0.0/0'/>"
			 "<tcp port='80'/></rule>"
			 "<rule direction='in' action='allow'><remote cidr='::/0'/>"
			 "<tcp port='443'/></rule>"
			 "<rule direction='in' action='allow'><tcp port='22'/></rule>");
	expect_pass(port, IN, tcp(CLIENT, VM, 40000, 80, SYN), NEW);
	expect_drop(port, IN, tcp(CLIENT6, VM6, 40000, 80, SYN), POLICY);
	expect_drop(port, IN, tcp(CLIENT, VM, 40000, 443, SYN), POLICY);
	expect_pass(port, IN, tcp(CLIENT6, VM6, 40000, 443, SYN), NEW);
	expect_pass(port, IN, tcp(CLIENT, VM, 40000, 22, SYN), NEW);
	expect_pass(port, IN, tcp(CLIENT6, VM6, 40000, 22, SYN), NEW);
}

static void an_empty_group_matches_nothing(void **state)
{
	struct rig_port *port = *state;

	set_policy(port, "<default in='deny' out='allow'/>"
			 "<rule direction='in' action='allow'><remote group='nobody'/></rule>"
			 "<rule direction='out' action='deny'><remote group='nobody'/></rule>");
	expect_drop(port, IN, tcp(CLIENT, VM, 40000, 80, SYN), POLICY);
	expect_drop(port, IN, tcp(CLIENT6, VM6, 40000, 80, SYN), POLICY);
	expect_pass(port, OUT, tcp(VM, WEB, 40000, 80, SYN), NEW);
	expect_pass(port, OUT, tcp(VM6, WEB6, 40000, 80, SYN), NEW);
}

/* ---- protocols and ports: columns ----------------------------------------------------------- */

static void ports_match_from_first_to_last(void **state)
{
	struct rig_port *port = *state;

	set_policy(port, "<default in='deny' out='deny'/>"
			 "<rule direction='in' action='allow'><tcp port='1000-1023'/></rule>"
			 "<rule direction='out' action='allow'><udp port='0-7'/></rule>"
			 "<rule direction='out' action='allow'><udp port='65535'/></rule>");
	expect_drop(port, IN, tcp(CLIENT, VM, 40000, 999, SYN), POLICY);
	expect_pass(port, IN, tcp(CLIENT, VM, 40000, 1000, SYN), NEW);
	expect_pass(port, IN, tcp(CLIENT6, VM6, 40000, 1023, SYN), NEW);
	expect_drop(port, IN, tcp(CLIENT, VM, 40000, 1024, SYN), POLICY);
	expect_drop(port, IN, udp(CLIENT, VM, 40000, 1000), POLICY);
	expect_drop(port, OUT, tcp(VM, WEB, 40000, 1000, SYN), POLICY);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 0), NEW);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 7), NEW);
	expect_drop(port, OUT, udp(VM, WEB, 40000, 8), POLICY);
	expect_drop(port, OUT, udp(VM, WEB, 40000, 65534), POLICY);
	expect_pass(port, OUT, udp(VM6, WEB6, 40000, 65535), NEW);
	expect_drop(port, IN, udp(CLIENT, VM, 40000, 65535), POLICY);
}

static void each_protocol_has_its_own_ports(void **state)
{
	struct rig_port *port = *state;

	set_policy(port, "<default in='deny' out='deny'/>"
			 "<rule direction='in' action='allow'><udp port='53'/></rule>"
			 "<rule direction='in' action='allow'><sctp port='54'/></rule>"
			 "<rule direction='in' action='allow'><udplite port='55'/></rule>"
			 "<rule direction='in' action='allow'><protocol number='47'/></rule>");
	expect_pass(port, IN, udp(CLIENT, VM, 40000, 53), NEW);
	expect_drop(port, IN, udp(CLIENT, VM, 40000, 54), POLICY);
	expect_drop(port, IN, udp(CLIENT, VM, 40000, 55), POLICY);
	expect_pass(port, IN, sctp(CLIENT, VM, 40000, 54, SCTP_INIT), NEW);
	expect_drop(port, IN, sctp(CLIENT, VM, 40000, 53, SCTP_INIT), POLICY);
	expect_pass(port, IN, udp(CLIENT6, VM6, 40000, 55, .lite = true), NEW);
	expect_drop(port, IN, udp(CLIENT6, VM6, 40000, 53, .lite = true), POLICY);
	expect_pass(port, IN, ip(CLIENT, VM, IPPROTO_GRE, 20), NEW);
	expect_pass(port, IN, ip(CLIENT6, VM6, IPPROTO_GRE, 20), NEW);
	expect_drop(port, IN, ip(CLIENT, VM, IPPROTO_ESP, 20), POLICY);
	expect_drop(port, IN, tcp(CLIENT, VM, 40000, 53, SYN), POLICY);
}

static void source_ports_match_too(void **state)
{
	struct rig_port *port = *state;

	set_policy(port, "<default in='deny' out='deny'/>"
			 "<rule direction='in' action='allow'>"
			 "<udp port='123' source-port='100-199'/></rule>"
			 "<rule direction='in' action='allow'><tcp source-port='20'/></rule>");
	expect_drop(port, IN, udp(CLIENT, VM, 99, 123), POLICY);
	expect_pass(port, IN, udp(CLIENT, VM, 100, 123), NEW);
	expect_pass(port, IN, udp(CLIENT6, VM6, 199, 123), NEW);
	expect_drop(port, IN, udp(CLIENT, VM, 200, 123), POLICY);
	expect_drop(port, IN, udp(CLIENT, VM, 100, 124), POLICY);
	expect_pass(port, IN, tcp(CLIENT, VM, 20, 5, SYN), NEW);
	expect_drop(port, IN, tcp(CLIENT, VM, 21, 20, SYN), POLICY);
}

static void icmp_types_and_codes_match(void **state)
{
	struct rig_port *port = *state;

	set_policy(port,
		   "<default in='deny' out='deny'/>"
		   "<rule direction='in' action='allow'><icmp type='echo-request'/></rule>"
		   "<rule direction='in' action='allow'><icmp type='13' code='0'/></rule>"
		   "<rule direction='out' action='allow'><icmpv6 type='echo-request'/></rule>");
	expect_pass(port, IN, echo_request(CLIENT, VM, 1), NEW);
	expect_drop(port, OUT, echo_request(VM, WEB, 1), POLICY);
	expect_pass(port, OUT, echo_request(VM6, WEB6, 1), NEW);
	expect_drop(port, IN, echo_request(CLIENT6, VM6, 1), POLICY);
	expect_pass(port, IN, icmp(CLIENT, VM, ICMP_TIMESTAMP, 0, .payload = 12), NEW);
	expect_drop(port, IN, icmp(CLIENT, VM, ICMP_TIMESTAMP, 1, .id = 2, .payload = 12), POLICY);
	expect_drop(port, IN, icmp(CLIENT, VM, ICMP_INFO_REQUEST, 0), POLICY);
}

static void the_first_rule_that_matches_decides(void **state)
{
	struct rig_port *port = *state;
	struct packet ssh = tcp(CLIENT, VM, 40000, 22, SYN);

	set_policy(port, "<rule direction='in' action='allow'><remote cidr='192.0.2.0/25'/>"
			 "<tcp port='22'/></rule>"
			 "<rule direction='inout' action='deny'><tcp port='20-30'/></rule>"
			 "<rule direction='in' action='allow'><tcp/></rule>");
	expect_pass(port, IN, ssh, NEW);
	expect_drop(port, IN, tcp(CLIENT, VM, 40000, 23, SYN), POLICY);
	expect_drop(port, IN, tcp(INTRUDER, VM, 40000, 22, SYN), POLICY);
	expect_pass(port, IN, tcp(INTRUDER, VM, 40000, 31, SYN), NEW);
	expect_drop(port, OUT, tcp(VM, WEB, 40000, 25, SYN), POLICY);
	assert_int_equal(read_rig_rule(port, 1).packets, 1);
	assert_int_equal(read_rig_rule(port, 2).packets, 3);
	assert_int_equal(read_rig_rule(port, 3).packets, 1);
	assert_int_equal(read_rig_rule(port, 0).packets, 0);
}

static void each_port_has_its_own_policy(void **state)
{
	struct rig_port *port = *state, *other = sibling(port, 1);

	set_policy(port, "<rule direction='in' action='allow'><tcp port='80'/></rule>");
	set_policy(other, "<rule direction='in' action='allow'><tcp port='81'/></rule>");
	expect_pass(port, IN, tcp(CLIENT, VM, 40000, 80, SYN), NEW);
	expect_drop(port, IN, tcp(CLIENT, VM, 40000, 81, SYN), POLICY);
	expect_drop(other, IN, tcp(CLIENT, VM, 40000, 80, SYN), POLICY);
	expect_pass(other, IN, tcp(CLIENT, VM, 40000, 81, SYN), NEW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(the_default_decides_by_direction),
		rig_test(remotes_match_by_longest_prefix_and_first_rule),
		rig_test(a_family_that_is_not_named_does_not_match),
		rig_test(an_empty_group_matches_nothing),
		rig_test(ports_match_from_first_to_last),
		rig_test(each_protocol_has_its_own_ports),
		rig_test(source_ports_match_too),
		rig_test(icmp_types_and_codes_match),
		rig_test(the_first_rule_that_matches_decides),
		rig_test(each_port_has_its_own_policy),
	};

	return run_rig_tests(tests);
}
