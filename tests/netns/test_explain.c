/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Explaining: what the loaded programs say of a probe is what they do with such a packet, and
 * asking leaves no trace.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/probe.h"
#include "tests/harness/netns.h"

#define IN  DIRECTION_IN
#define OUT DIRECTION_OUT

#define POLICY                                                                                     \
	"<default in='deny' out='allow'/>"                                                         \
	"<rule id='web' direction='in' action='allow'><tcp port='80'/></rule>"                     \
	"<rule id='ping' direction='in' action='allow'><icmp type='echo-request'/>"                \
	"<icmpv6 type='echo-request'/></rule>"                                                     \
	"<rule id='no-dns' direction='out' action='deny'><udp port='53'/></rule>"

static struct probe probe_of(enum direction direction, const struct host *local,
			     const struct host *remote, uint8_t protocol)
{
	struct probe probe = {.direction = direction, .protocol = protocol};

	memcpy(probe.mac, VM->mac, MAC_BYTES);
	memcpy(probe.local, local->address, ADDRESS_BYTES);
	memcpy(probe.remote, remote->address, ADDRESS_BYTES);
	return probe;
}

static struct probe probe_ports(enum direction direction, const struct host *local,
				const struct host *remote, uint8_t protocol, uint16_t local_port,
				uint16_t remote_port)
{
	struct probe probe = probe_of(direction, local, remote, protocol);

	probe.local_port = local_port;
	probe.remote_port = remote_port;
	return probe;
}

static struct explanation ask(const struct netns *netns, struct probe probe)
{
	uint8_t frame[PROBE_BYTES_MAX];
	size_t size = build_probe(&probe, frame);
	struct explanation answer;

	assert_int_equal(explain_frame(netns->datapath, netns->tap, probe.direction, frame, size,
				       &answer),
			 0);
	return answer;
}

static void expect_answer(const struct netns *netns, struct probe probe, enum reason reason,
			  uint32_t rule)
{
	struct explanation answer = ask(netns, probe);

	assert_int_equal(answer.reason, reason);
	assert_int_equal(answer.verdict & VERDICT_RULE_MASK, rule);
}

static void the_rule_that_decides_is_named(void **state)
{
	struct netns *netns = *state;

	set_netns_policy(netns, POLICY);
	attach_tap(netns);
	expect_answer(netns, probe_ports(IN, VM, WEB, IPPROTO_TCP, 80, 40000), REASON_NEW, 1);
	expect_answer(netns, probe_ports(IN, VM6, WEB6, IPPROTO_TCP, 80, 40000), REASON_NEW, 1);
	expect_answer(netns, probe_ports(IN, VM, WEB, IPPROTO_TCP, 81, 40000), REASON_POLICY, 0);
	expect_answer(netns, probe_ports(OUT, VM, WEB, IPPROTO_UDP, 40000, 53), REASON_POLICY, 3);
	expect_answer(netns, probe_ports(OUT, VM, WEB, IPPROTO_UDP, 40000, 54), REASON_NEW, 0);
	expect_answer(netns, probe_ports(OUT, VM6, WEB6, IPPROTO_SCTP, 1, 2), REASON_NEW, 0);
	expect_answer(netns, probe_of(OUT, VM, WEB, IPPROTO_GRE), REASON_NEW, 0);
	expect_answer(netns, probe_of(IN, VM, WEB, IPPROTO_GRE), REASON_POLICY, 0);
}

static void icmp_is_asked_by_its_type(void **state)
{
	struct netns *netns = *state;
	struct probe v4 = probe_of(IN, VM, WEB, IPPROTO_ICMP);
	struct probe v6 = probe_of(IN, VM6, WEB6, IPPROTO_ICMPV6);

	set_netns_policy(netns, POLICY);
	attach_tap(netns);
	v4.icmp_type = 8;
	expect_answer(netns, v4, REASON_NEW, 2);
	v4.icmp_type = 13;
	expect_answer(netns, v4, REASON_POLICY, 0);
	v6.icmp_type = 128;
	expect_answer(netns, v6, REASON_NEW, 2);
}

static void guards_answer_before_the_policy(void **state)
{
	struct netns *netns = *state;
	struct probe probe = probe_ports(OUT, INTRUDER, WEB, IPPROTO_TCP, 40000, 80);

	set_netns_policy(netns, ALLOW_ALL);
	memcpy(netns->port.mac, VM->mac, MAC_BYTES);
	memcpy(netns->port.addresses[0].address, VM->address, ADDRESS_BYTES);
	netns->port.addresses[0].bits = 8 * ADDRESS_BYTES;
	netns->port.address_count = 1;
	netns->port.guards = GUARD_IP | GUARD_MAC;
	attach_tap(netns);
	expect_answer(netns, probe, REASON_GUARD_IP, 0);
	probe.mac[5] ^= 1;
	expect_answer(netns, probe, REASON_GUARD_MAC, 0);
	expect_answer(netns, probe_ports(OUT, VM, WEB, IPPROTO_TCP, 40000, 80), REASON_NEW, 0);
}

static void a_live_session_is_found(void **state)
{
	struct netns *netns = *state;
	struct probe probe = probe_ports(OUT, VM, WEB, IPPROTO_UDP, 40000, 54);
	struct session_key key = key_of_probe(&probe);
	struct session_view view;

	set_netns_policy(netns, POLICY);
	attach_tap(netns);
	assert_int_equal(read_session(netns->datapath, netns->tap, &key, &view), -ENOENT);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 54)));
	assert_true(ask(netns, probe).has_session);
	expect_answer(netns, probe, REASON_ESTABLISHED, 0);
	assert_int_equal(read_session(netns->datapath, netns->tap, &key, &view), 0);
	assert_int_equal(view.session.packets[OUT], 1);
	probe.local_port++;
	assert_false(ask(netns, probe).has_session);
}

/* Many different questions: counters, sessions, limits and rules stay as they are. */
static void asking_leaves_no_trace(void **state)
{
	struct netns *netns = *state;
	struct port_stats before, after;
	struct counter rule_before, rule_after;

	set_netns_policy(netns, POLICY);
	netns->port.session_rate = 1;
	netns->port.session_burst = 1;
	attach_tap(netns);
	read_port_stats(netns->datapath, netns->tap, &before);
	read_rule_counter(netns->datapath, netns->tap, 1, &rule_before);
	for (uint16_t port = 1; port < 200; port++) {
		ask(netns, probe_ports(IN, VM, WEB, IPPROTO_TCP, port, 40000));
		expect_answer(netns, probe_ports(IN, VM, WEB, IPPROTO_TCP, 80, port), REASON_NEW,
			      1);
		ask(netns, probe_ports(OUT, VM6, WEB6, IPPROTO_UDP, 40000, port));
	}
	read_port_stats(netns->datapath, netns->tap, &after);
	read_rule_counter(netns->datapath, netns->tap, 1, &rule_after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_memory_equal(&rule_before, &rule_after, sizeof(rule_before));
	assert_int_equal(count_live_sessions(netns), 0);
	/* The one session that the rate allows is still to be had. */
	assert_true(crosses(netns, IN, tcp(WEB, VM, 40000, 80, SYN)));
}

static void a_port_that_is_not_there_says_nothing(void **state)
{
	struct netns *netns = *state;
	struct probe probe = probe_ports(IN, VM, WEB, IPPROTO_TCP, 80, 40000);
	uint8_t frame[PROBE_BYTES_MAX];
	struct explanation answer;

	assert_int_equal(explain_frame(netns->datapath, netns->tap, IN, frame,
				       build_probe(&probe, frame), &answer),
			 -ENOENT);
}

#define test(function) cmocka_unit_test_setup_teardown(function, make_netns, drop_netns)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_rule_that_decides_is_named),  test(icmp_is_asked_by_its_type),
		test(guards_answer_before_the_policy), test(a_live_session_is_found),
		test(asking_leaves_no_trace),          test(a_port_that_is_not_there_says_nothing),
	};

	return cmocka_run_group_tests(tests, enter_netns, NULL);
}
