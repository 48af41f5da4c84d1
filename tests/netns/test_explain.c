/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Explaining: what the loaded programs say of a probe is what they do with such a packet, and
 * asking leaves no trace.
 */
#include <net/if.h>

#include <netinet/in.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/datapath.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/datapath/ports/sweep.h"
#include "hostd/datapath/queries/explain.h"
#include "hostd/datapath/queries/port_stats.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/datapath/queries/probe.h"
#include "hostd/datapath/queries/session_query.h"
#include "hostd/datapath/remove_datapath.h"
#include "tests/harness/netns.h"
#include "tests/harness/test.h"

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

static void the_vlan_is_asked_about(void **state)
{
	struct netns *netns = *state;
	struct probe probe = probe_ports(IN, VM, WEB, IPPROTO_TCP, 80, 40000);

	set_netns_policy(netns, POLICY);
	netns->port.guards = GUARD_VLAN;
	netns->port.vlans[0] = 10;
	netns->port.vlans[1] = 100;
	netns->port.vlan_count = 2;
	attach_tap(netns);
	probe.vlans = 10 << 12;
	expect_answer(netns, probe, REASON_NEW, 1);
	probe.vlans = 10 << 12 | 100;
	expect_answer(netns, probe, REASON_NEW, 1);
	probe.vlans = 10 << 12 | 11;
	expect_answer(netns, probe, REASON_GUARD_VLAN, 0);
	probe.vlans = 11 << 12;
	expect_answer(netns, probe, REASON_GUARD_VLAN, 0);
	/* Of IPv6 too, whose header begins elsewhere. */
	probe = probe_ports(IN, VM6, WEB6, IPPROTO_TCP, 80, 40000);
	probe.vlans = 10 << 12 | 100;
	expect_answer(netns, probe, REASON_NEW, 1);
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

/* A session with a group, or with everybody, has no local address in its key. */
static void a_session_with_a_group_is_found(void **state)
{
	const struct host *const pairs[][2] = {
		{VM, MDNS},
		{VM, BROADCAST},
		{VM6, ALL_DHCP},
	};
	struct netns *netns = *state;

	set_netns_policy(netns, ALLOW_ALL);
	attach_tap(netns);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		const struct host *vm = pairs[i][0], *group = pairs[i][1];
		struct probe probe = probe_ports(OUT, vm, group, IPPROTO_UDP, 40000, 5000);
		struct session_key key = key_of_probe(&probe);
		struct session_view view;

		assert_false(ask(netns, probe).has_session);
		assert_true(crosses(netns, OUT, udp(vm, group, 40000, 5000)));
		assert_true(ask(netns, probe).has_session);
		assert_int_equal(read_session(netns->datapath, netns->tap, &key, &view), 0);
		assert_int_equal(view.session.packets[OUT], 1);
	}
}

/* Many different questions: counters, sessions, limits and rules stay as they are. */
static void asking_leaves_no_trace(void **state)
{
	struct netns *netns = *state;
	struct port_stats before, after;
	struct counter rule_before, rule_after;

	set_netns_policy(netns, POLICY);
	netns->port.limits[LIMIT_SESSION_RATE] = 1;
	netns->port.limits[LIMIT_SESSION_BURST] = 1;
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

/* ---- what is not in force ------------------------------------------------------------------- */

/* A candidate with the port's own configuration, but for what the test has changed in it. */
static int try_candidate(struct netns *netns, const struct port_config *config,
			 struct policy_case *policy, struct probe probe, struct explanation *ret)
{
	uint8_t frame[PROBE_BYTES_MAX];
	size_t size = build_probe(&probe, frame);

	return explain_candidate(netns->datapath, netns->tap, config, policy->image,
				 probe.direction, frame, size, ret, &netns->diag);
}

static void expect_candidate(struct netns *netns, struct policy_case *policy, struct probe probe,
			     enum reason reason, uint32_t rule)
{
	struct explanation answer;

	assert_int_equal(try_candidate(netns, &netns->port, policy, probe, &answer), 0);
	assert_int_equal(answer.reason, reason);
	assert_int_equal(answer.verdict & VERDICT_RULE_MASK, rule);
}

#define CANDIDATE                                                                                  \
	"<default in='deny' out='deny'/>"                                                          \
	"<rule id='a' direction='in' action='deny'><tcp port='80'/></rule>"                        \
	"<rule id='b' direction='in' action='allow'><tcp port='81'/></rule>"

static void a_candidate_is_asked_like_what_is_in_force(void **state)
{
	struct probe web = probe_ports(IN, VM, WEB, IPPROTO_TCP, 80, 40000);
	struct probe other = probe_ports(IN, VM6, WEB6, IPPROTO_TCP, 81, 40000);
	struct netns *netns = *state;
	struct policy_case candidate;

	open_case(&candidate);
	compile_case(&candidate, CANDIDATE);
	set_netns_policy(netns, POLICY);
	attach_tap(netns);
	for (int i = 0; i < 3; i++) {
		expect_candidate(netns, &candidate, web, REASON_POLICY, 1);
		expect_answer(netns, web, REASON_NEW, 1);
		expect_candidate(netns, &candidate, other, REASON_NEW, 2);
		expect_answer(netns, other, REASON_POLICY, 0);
		/* What is in force may be a candidate, too. */
		expect_candidate(netns, &netns->policy, web, REASON_NEW, 1);
	}
	close_case(&candidate);
}

static void a_candidate_judges_sessions_again(void **state)
{
	struct probe probe = probe_ports(OUT, VM, WEB, IPPROTO_UDP, 40000, 54);
	struct netns *netns = *state;
	struct policy_case candidate;

	open_case(&candidate);
	set_netns_policy(netns, POLICY);
	attach_tap(netns);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 54)));
	compile_case(&candidate, CANDIDATE);
	expect_candidate(netns, &candidate, probe, REASON_REVOKED, 0);
	compile_case(&candidate, "<default in='deny' out='allow'/>");
	expect_candidate(netns, &candidate, probe, REASON_ESTABLISHED, 0);
	/* It was only a question. */
	expect_answer(netns, probe, REASON_ESTABLISHED, 0);
	assert_true(crosses(netns, IN, udp(WEB, VM, 54, 40000)));
	close_case(&candidate);
}

static void a_candidate_has_guards_and_limits(void **state)
{
	struct probe probe = probe_ports(OUT, VM, WEB, IPPROTO_UDP, 40000, 54);
	struct netns *netns = *state;
	struct port_config config = netns->port;
	struct explanation answer;

	set_netns_policy(netns, ALLOW_ALL);
	attach_tap(netns);
	config.guards = GUARD_IP;
	memcpy(config.addresses[0].address, INTRUDER->address, ADDRESS_BYTES);
	config.addresses[0].bits = 8 * ADDRESS_BYTES;
	config.address_count = 1;
	assert_int_equal(try_candidate(netns, &config, &netns->policy, probe, &answer), 0);
	assert_int_equal(answer.reason, REASON_GUARD_IP);

	assert_true(crosses(netns, OUT, udp(VM, WEB, 40001, 54)));
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40002, 54)));
	sweep_sessions(netns->datapath, 100000);
	config = netns->port;
	config.limits[LIMIT_SESSIONS] = 2;
	assert_int_equal(try_candidate(netns, &config, &netns->policy, probe, &answer), 0);
	assert_int_equal(answer.reason, REASON_SESSION_LIMIT);
	config.limits[LIMIT_SESSIONS] = 3;
	assert_int_equal(try_candidate(netns, &config, &netns->policy, probe, &answer), 0);
	assert_int_equal(answer.reason, REASON_NEW);
	expect_answer(netns, probe, REASON_NEW, 0);
}

static void a_full_table_is_foreseen(void **state)
{
	struct netns *netns = *state;

	set_netns_policy(netns, ALLOW_ALL);
	netns->port.limits[LIMIT_SESSIONS] = 2;
	attach_tap(netns);
	for (uint16_t i = 0; i < 2; i++) {
		expect_answer(netns, probe_ports(OUT, VM, WEB, IPPROTO_UDP, 9, 54), REASON_NEW, 0);
		assert_true(crosses(netns, OUT, udp(VM, WEB, 40000 + i, 54)));
	}
	sweep_sessions(netns->datapath, 100000);
	expect_answer(netns, probe_ports(OUT, VM, WEB, IPPROTO_UDP, 9, 54), REASON_SESSION_LIMIT,
		      0);
	expect_answer(netns, probe_ports(OUT, VM, WEB, IPPROTO_UDP, 40000, 54), REASON_ESTABLISHED,
		      0);
	assert_false(crosses(netns, OUT, udp(VM, WEB, 9, 54)));
}

#define MAPS "/sys/fs/bpf/vmseg/maps/"

/* A sum of what the maps hold that packets read and write: all of it, but of records, images and
 * rule counters what is in use. With one port these come first in their maps. */
static const char *sum_maps(const struct netns *netns, char *line, size_t size)
{
	struct datapath_status status;
	struct port_status port;
	char command[1024];

	read_datapath_status(netns->datapath, &status);
	assert_int_equal(read_port_status(netns->datapath, netns->tap, &port), 0);
	snprintf(command, sizeof(command),
		 "{ for map in port_index port_index_high port_state_map stats_map session_map "
		 "remote_map fragment_map settings_map; do"
		 " bpftool map dump pinned " MAPS "$map || exit; done;"
		 " bpftool map dump id %u || exit;"
		 " set -- port_map 1 policy_map %u rule_stats_map %u;"
		 " while [ $# -gt 0 ]; do"
		 " bpftool --json map dump pinned " MAPS "$1 | jq -c \".[0:$2]\" || exit;"
		 " shift 2; done; } | sha256sum",
		 port.session_map_id, status.nodes_used, status.rule_counters_used);
	return ask_command(command, line, size);
}

/* Not in what packets meet, and nothing stays taken. */
static void a_candidate_leaves_no_trace(void **state)
{
	struct netns *netns = *state;
	struct datapath_status before, after;
	char sum_before[80], sum_after[80];
	struct policy_case candidate;
	struct explanation answer;

	open_case(&candidate);
	compile_case(&candidate, CANDIDATE);
	set_netns_policy(netns, POLICY);
	netns->port.limits[LIMIT_SESSION_RATE] = 3;
	netns->port.limits[LIMIT_SESSION_BURST] = 3;
	netns->port.limits[LIMIT_HALF_OPEN] = 10;
	netns->port.limits[LIMIT_SESSIONS_PER_REMOTE] = 10;
	attach_tap(netns);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 54)));
	assert_true(crosses(netns, IN, tcp(WEB, VM, 40000, 80, SYN)));
	read_datapath_status(netns->datapath, &before);
	assert_int_equal(strlen(sum_maps(netns, sum_before, sizeof(sum_before))), 67);
	for (uint16_t port = 1; port < 200; port++) {
		struct probe in = probe_ports(IN, VM, WEB, IPPROTO_TCP, port, 40000);
		struct probe out = probe_ports(OUT, VM, WEB, IPPROTO_UDP, 40000, port);

		assert_int_equal(try_candidate(netns, &netns->port, &candidate, in, &answer), 0);
		assert_int_equal(try_candidate(netns, &netns->port, &candidate, out, &answer), 0);
	}
	assert_string_equal(sum_maps(netns, sum_after, sizeof(sum_after)), sum_before);
	read_datapath_status(netns->datapath, &after);
	/* Up to the last member: the bytes behind it are padding. */
	assert_memory_equal(&before, &after, offsetof(struct datapath_status, adopted) + 1);
	/* The sum would have told: one packet changes it. */
	assert_true(crosses(netns, IN, udp(WEB, VM, 54, 40000)));
	assert_string_not_equal(sum_maps(netns, sum_after, sizeof(sum_after)), sum_before);
	close_case(&candidate);
}

static void a_candidate_without_room_is_refused(void **state)
{
	struct probe probe = probe_ports(IN, VM, WEB, IPPROTO_TCP, 80, 40000);
	struct netns *netns = *state;
	struct policy_case candidate;
	struct explanation answer;

	open_case(&candidate);
	compile_case(&candidate, CANDIDATE);
	netns->config.sizes.policy_nodes = candidate.image->node_count;
	close_netns_datapath(netns);
	assert_int_equal(remove_datapath("/sys/fs/bpf/vmseg", &netns->diag), 0);
	open_netns_datapath(netns);
	attach_tap(netns);
	assert_int_equal(try_candidate(netns, &netns->port, &candidate, probe, &answer), -ENOSPC);
	assert_non_null(strstr(netns->diag.error.text, "no room for a policy of"));
	clear_diag(&netns->diag);
	expect_answer(netns, probe, REASON_POLICY, 0);
	close_case(&candidate);
}

static void a_port_in_quarantine_cannot_be_asked(void **state)
{
	struct probe probe = probe_ports(IN, VM, WEB, IPPROTO_TCP, 80, 40000);
	struct netns *netns = *state;
	struct port_config config = netns->port;
	struct explanation answer;

	netns->port.limits[LIMIT_SESSIONS] = 0;
	attach_tap(netns);
	assert_int_equal(try_candidate(netns, &config, &netns->policy, probe, &answer), -EAGAIN);
	assert_non_null(strstr(netns->diag.error.text, "has no session table"));
	clear_diag(&netns->diag);
	expect_answer(netns, probe, REASON_QUARANTINE, 0);
}

/* Its place in the index is where candidates are. */
static void the_loopback_device_cannot_be_filtered(void **state)
{
	struct netns *netns = *state;

	assert_int_equal(attach_port(netns->datapath, if_nametoindex("lo"), &netns->port,
				     netns->policy.image, &netns->diag),
			 -EINVAL);
	clear_diag(&netns->diag);
}

/* A daemon that is killed between question and answer leaves its record published. */
static void a_question_without_an_answer_is_cleared_up(void **state)
{
	struct probe probe = probe_ports(IN, VM, WEB, IPPROTO_TCP, 80, 40000);
	struct netns *netns = *state;
	char line[16];

	set_netns_policy(netns, POLICY);
	attach_tap(netns);
	close_netns_datapath(netns);
	run_command("bpftool map update pinned " MAPS "port_index"
		    " key 1 0 0 0 value 2 0 0 0 0 0 0 0");
	open_netns_datapath(netns);
	expect_answer(netns, probe, REASON_NEW, 1);
	expect_candidate(netns, &netns->policy, probe, REASON_NEW, 1);
	assert_string_equal(ask_command("bpftool --json map lookup pinned " MAPS "port_index"
					" key 1 0 0 0 | jq '.value | unique' -c",
					line, sizeof(line)),
			    "[\"0x00\"]");
}

#define test(function) cmocka_unit_test_setup_teardown(function, make_netns, drop_netns)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_rule_that_decides_is_named),
		test(icmp_is_asked_by_its_type),
		test(guards_answer_before_the_policy),
		test(the_vlan_is_asked_about),
		test(a_live_session_is_found),
		test(a_session_with_a_group_is_found),
		test(asking_leaves_no_trace),
		test(a_port_that_is_not_there_says_nothing),
		test(a_full_table_is_foreseen),
		test(a_candidate_is_asked_like_what_is_in_force),
		test(a_candidate_judges_sessions_again),
		test(a_candidate_has_guards_and_limits),
		test(a_candidate_leaves_no_trace),
		test(a_candidate_without_room_is_refused),
		test(a_port_in_quarantine_cannot_be_asked),
		test(the_loopback_device_cannot_be_filtered),
		test(a_question_without_an_answer_is_cleared_up),
	};

	return cmocka_run_group_tests(tests, enter_netns, NULL);
}
