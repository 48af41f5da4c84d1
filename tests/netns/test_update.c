/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing ports that carry traffic: policy, limits, many at once, and nothing at all.
 */
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostd/datapath/datapath.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/datapath/ports/sweep.h"
#include "hostd/datapath/ports/update.h"
#include "hostd/datapath/queries/port_stats.h"
#include "hostd/datapath/queries/port_status.h"
#include "tests/harness/netns.h"
#include "tests/harness/test.h"

static uint32_t generation_of(const struct netns *netns)
{
	struct port_status status;

	assert_int_equal(read_port_status(netns->datapath, netns->tap, &status), 0);
	return status.generation;
}

static uint32_t limit_of(const struct netns *netns)
{
	struct port_status status;

	assert_int_equal(read_port_status(netns->datapath, netns->tap, &status), 0);
	return status.session_limit;
}

static struct datapath_status whole_of(const struct netns *netns)
{
	struct datapath_status status;

	read_datapath_status(netns->datapath, &status);
	return status;
}

static void assert_same_use(const struct datapath_status *a, const struct datapath_status *b)
{
	assert_int_equal(a->port_count, b->port_count);
	assert_int_equal(a->image_count, b->image_count);
	assert_int_equal(a->nodes_used, b->nodes_used);
	assert_int_equal(a->rule_counters_used, b->rule_counters_used);
}

static void a_new_policy_holds_at_once(void **state)
{
	struct netns *netns = *state;

	attach_tap(netns);
	for (uint16_t i = 0; i < 20; i++) {
		set_netns_policy(netns, i % 2 ? DENY_ALL : ALLOW_ALL);
		update_tap(netns);
		assert_int_equal(crosses(netns, OUT, udp(VM, WEB, 40000 + i, 53)), !(i % 2));
		assert_int_equal(crosses(netns, IN, udp(WEB, VM, 40000 + i, 53)), !(i % 2));
	}
	assert_int_equal(whole_of(netns).image_count, 1);
}

static void a_session_that_is_now_forbidden_is_cut(void **state)
{
	struct netns *netns = *state;

	set_netns_policy(netns, ALLOW_ALL);
	attach_tap(netns);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 53)));
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 80)));
	set_netns_policy(netns, "<default out='allow'/><rule direction='out' action='deny'>"
				"<udp port='53'/></rule>");
	update_tap(netns);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
	assert_true(crosses(netns, IN, udp(WEB, VM, 80, 40000)));
	assert_int_equal(count_reason(netns, IN, REASON_REVOKED), 1);
	assert_int_equal(count_live_sessions(netns), 1);
}

static void the_same_again_changes_nothing(void **state)
{
	struct netns *netns = *state;
	uint32_t generation;

	attach_tap(netns);
	generation = generation_of(netns);
	update_tap(netns);
	set_netns_policy(netns, DENY_ALL);
	update_tap(netns);
	assert_int_equal(generation_of(netns), generation);

	netns->port.flags = PORT_AUDIT;
	update_tap(netns);
	assert_int_not_equal(generation_of(netns), generation);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
	generation = generation_of(netns);
	update_tap(netns);
	assert_int_equal(generation_of(netns), generation);
}

/* It is told anew with every update while it runs, in seconds that are left. */
static void a_pick_up_window_that_runs_is_no_change(void **state)
{
	struct netns *netns = *state;
	uint32_t generation;

	netns->port.pickup_seconds = 60;
	attach_tap(netns);
	generation = generation_of(netns);
	usleep(20000);
	update_tap(netns);
	netns->port.pickup_seconds = 0;
	update_tap(netns);
	assert_int_equal(generation_of(netns), generation);
	netns->port.pickup_seconds = 120;
	update_tap(netns);
	assert_int_not_equal(generation_of(netns), generation);
}

static void rule_counters_start_with_the_policy(void **state)
{
	struct netns *netns = *state;
	const char *policy = "<rule direction='in' action='deny'><udp port='53'/></rule>";
	struct counter counter;

	set_netns_policy(netns, policy);
	attach_tap(netns);
	assert_false(crosses(netns, IN, udp(WEB, VM, 40000, 53)));
	assert_int_equal(read_rule_counter(netns->datapath, netns->tap, 1, &counter), 0);
	assert_int_equal(counter.packets, 1);
	assert_true(counter.bytes > 0);

	/* The image goes, another takes its place, and the first comes again. */
	set_netns_policy(netns, "<rule direction='in' action='allow'><udp port='53'/></rule>");
	update_tap(netns);
	assert_int_equal(read_rule_counter(netns->datapath, netns->tap, 1, &counter), 0);
	assert_int_equal(counter.packets, 0);
	set_netns_policy(netns, policy);
	update_tap(netns);
	assert_int_equal(read_rule_counter(netns->datapath, netns->tap, 1, &counter), 0);
	assert_int_equal(counter.packets, 0);
}

/* ---- failures ------------------------------------------------------------------------------- */

static void a_refused_update_changes_nothing(void **state)
{
	struct netns *netns = *state;
	struct datapath_status before, after;
	uint32_t generation;

	attach_tap(netns);
	generation = generation_of(netns);
	before = whole_of(netns);
	set_netns_policy(netns, ALLOW_ALL);

	netns->port.vlan_count = PORT_VLANS_MAX + 1;
	assert_int_equal(update_port(netns->datapath, netns->tap, &netns->port, netns->policy.image,
				     &netns->diag),
			 -EINVAL);
	clear_diag(&netns->diag);
	netns->port.vlan_count = 0;
	/* More than a kernel makes. */
	netns->port.limits[LIMIT_SESSIONS] = UINT32_MAX;
	assert_true(update_port(netns->datapath, netns->tap, &netns->port, netns->policy.image,
				&netns->diag) < 0);
	assert_non_null(strstr(netns->diag.error.text, "4294967295 sessions"));
	clear_diag(&netns->diag);

	assert_int_equal(generation_of(netns), generation);
	assert_int_equal(limit_of(netns), 1000);
	after = whole_of(netns);
	assert_same_use(&before, &after);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
}

static void an_update_without_a_port_is_refused(void **state)
{
	struct netns *netns = *state;

	assert_int_equal(update_port(netns->datapath, netns->tap, &netns->port, netns->policy.image,
				     &netns->diag),
			 -ENOENT);
	clear_diag(&netns->diag);
	assert_int_equal(whole_of(netns).image_count, 0);
}

/* ---- quarantine ----------------------------------------------------------------------------- */

/* What the port's programs count, when they have counted so many: a frame in quarantine leaves no
 * other trace. */
static void await_reason(const struct netns *netns, enum direction direction, enum reason reason,
			 uint64_t count)
{
	for (int i = 0; i < 1000 && count_reason(netns, direction, reason) < count; i++)
		usleep(10000);
	assert_int_equal(count_reason(netns, direction, reason), count);
}

static void send_at(int end, struct packet packet)
{
	assert_int_equal(send(end, packet.bytes, packet.length, 0), packet.length);
}

static void nothing_passes_in_quarantine(void **state)
{
	struct netns *netns = *state;
	uint32_t sessions = netns->port.limits[LIMIT_SESSIONS];

	set_netns_policy(netns, ALLOW_ALL);
	netns->port.limits[LIMIT_SESSIONS] = 0;
	attach_tap(netns);
	assert_int_equal(limit_of(netns), 0);
	send_at(netns->vm, udp(VM, WEB, 40000, 53));
	send_at(netns->net, arp(ARP_REQUEST, ROUTER, VM));
	await_reason(netns, OUT, REASON_QUARANTINE, 1);
	await_reason(netns, IN, REASON_QUARANTINE, 1);
	assert_int_equal(count_live_sessions(netns), 0);
	assert_true(sweep_sessions(netns->datapath, 100) < 100);

	/* The next daemon finds it so. */
	close_netns_datapath(netns);
	open_netns_datapath(netns);
	assert_int_equal(limit_of(netns), 0);
	send_at(netns->vm, udp(VM, WEB, 40000, 53));
	await_reason(netns, OUT, REASON_QUARANTINE, 2);

	netns->port.limits[LIMIT_SESSIONS] = sessions;
	update_tap(netns);
	assert_int_equal(limit_of(netns), sessions);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 53)));
	assert_int_equal(count_live_sessions(netns), 1);
}

static void a_port_in_quarantine_can_go(void **state)
{
	struct netns *netns = *state;
	unsigned int before = count_remains(netns);

	netns->port.limits[LIMIT_SESSIONS] = 0;
	attach_tap(netns);
	detach_tap(netns);
	assert_int_equal(count_remains(netns), before);
	assert_int_equal(whole_of(netns).nodes_used, 0);
}

static void sessions_outlive_a_quarantine(void **state)
{
	struct netns *netns = *state;
	uint32_t sessions = netns->port.limits[LIMIT_SESSIONS];

	set_netns_policy(netns, "<default in='deny' out='allow'/>");
	attach_tap(netns);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 53)));
	netns->port.limits[LIMIT_SESSIONS] = 0;
	update_tap(netns);
	send_at(netns->net, udp(WEB, VM, 53, 40000));
	await_reason(netns, IN, REASON_QUARANTINE, 1);
	close_netns_datapath(netns);
	open_netns_datapath(netns);
	netns->port.limits[LIMIT_SESSIONS] = sessions;
	update_tap(netns);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
}

/* What is in force before the end of a quarantine is given back later, but it is. */
static void quarantines_use_nothing_up(void **state)
{
	struct netns *netns = *state;
	uint32_t sessions = netns->port.limits[LIMIT_SESSIONS];
	struct datapath_status before, after;

	attach_tap(netns);
	before = whole_of(netns);
	for (int i = 0; i < 3 * 16; i++) {
		set_netns_policy(netns, i % 2 ? DENY_ALL : ALLOW_ALL);
		netns->port.limits[LIMIT_SESSIONS] = i % 2 ? sessions : 0;
		update_tap(netns);
	}
	netns->port.flags = PORT_AUDIT; /* a change that waits */
	update_tap(netns);
	after = whole_of(netns);
	assert_same_use(&before, &after);
}

/* ---- many at once --------------------------------------------------------------------------- */

/* The tap and two more, with the same policy. */
static void attach_three(struct netns *netns, unsigned int ifindex[3])
{
	attach_tap(netns);
	ifindex[0] = netns->tap;
	for (int i = 1; i < 3; i++) {
		run_command("ip link add more%d type bridge", i);
		ifindex[i] = if_nametoindex(i == 1 ? "more1" : "more2");
		assert_int_equal(attach_port(netns->datapath, ifindex[i], &netns->port,
					     netns->policy.image, &netns->diag),
				 0);
	}
}

static void many_ports_change_together(void **state)
{
	struct netns *netns = *state;
	struct port_update updates[3];
	struct port_status status;
	unsigned int ifindex[3];

	attach_three(netns, ifindex);
	assert_int_equal(whole_of(netns).image_count, 1);
	set_netns_policy(netns, ALLOW_ALL);
	for (int i = 0; i < 3; i++)
		updates[i] = (struct port_update){ifindex[i], &netns->port, netns->policy.image};
	assert_int_equal(update_ports(netns->datapath, updates, 3, &netns->diag), 0);
	assert_int_equal(whole_of(netns).image_count, 1);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(read_port_status(netns->datapath, ifindex[i], &status), 0);
		assert_int_equal(status.generation, generation_of(netns));
	}
	run_command("ip link del more1 && ip link del more2");
}

static void one_bad_update_spoils_all(void **state)
{
	struct netns *netns = *state;
	struct port_config bad = netns->port, larger = netns->port;
	struct datapath_status before, after;
	struct port_update updates[3];
	unsigned int ifindex[3];
	uint32_t generation;

	attach_three(netns, ifindex);
	generation = generation_of(netns);
	before = whole_of(netns);
	set_netns_policy(netns, ALLOW_ALL);
	larger.limits[LIMIT_SESSIONS] = 2000;
	bad.limits[LIMIT_SESSIONS] = UINT32_MAX;
	updates[0] = (struct port_update){ifindex[0], &larger, netns->policy.image};
	updates[1] = (struct port_update){ifindex[1], &bad, netns->policy.image};
	updates[2] = (struct port_update){ifindex[2], &netns->port, netns->policy.image};
	assert_true(update_ports(netns->datapath, updates, 3, &netns->diag) < 0);
	clear_diag(&netns->diag);
	assert_int_equal(generation_of(netns), generation);
	assert_int_equal(limit_of(netns), 1000);

	updates[1] = (struct port_update){ifindex[0], &netns->port, netns->policy.image};
	assert_int_equal(update_ports(netns->datapath, updates, 3, &netns->diag), -EINVAL);
	clear_diag(&netns->diag);
	after = whole_of(netns);
	assert_same_use(&before, &after);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40000)));

	/* And nothing of it is in the way of the next. */
	updates[1] = (struct port_update){ifindex[1], &netns->port, netns->policy.image};
	assert_int_equal(update_ports(netns->datapath, updates, 3, &netns->diag), 0);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
	assert_int_equal(limit_of(netns), 2000);
	run_command("ip link del more1 && ip link del more2");
}

/* ---- limits --------------------------------------------------------------------------------- */

static void open_sessions(const struct netns *netns, uint16_t first, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		assert_true(crosses(netns, OUT, udp(VM, WEB, first + i, 53)));
}

static void a_larger_limit_keeps_every_session(void **state)
{
	struct netns *netns = *state;

	netns->port.limits[LIMIT_SESSIONS] = 50;
	set_netns_policy(netns, "<default in='deny' out='allow'/>");
	attach_tap(netns);
	open_sessions(netns, 1000, 50);
	assert_false(crosses(netns, OUT, udp(VM, WEB, 2000, 53)));
	assert_int_equal(count_reason(netns, OUT, REASON_SESSION_LIMIT), 1);

	netns->port.limits[LIMIT_SESSIONS] = 100;
	update_tap(netns);
	assert_int_equal(limit_of(netns), 100);
	assert_int_equal(count_live_sessions(netns), 50);
	for (uint16_t i = 0; i < 50; i++)
		assert_true(crosses(netns, IN, udp(WEB, VM, 53, 1000 + i)));
	assert_int_equal(count_reason(netns, IN, REASON_ESTABLISHED), 50);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 2000, 53)));
}

static void a_smaller_limit_ends_no_session(void **state)
{
	struct netns *netns = *state;

	set_netns_policy(netns, "<default in='deny' out='allow'/>");
	attach_tap(netns);
	open_sessions(netns, 1000, 40);
	netns->port.limits[LIMIT_SESSIONS] = 10;
	update_tap(netns);
	assert_int_equal(limit_of(netns), 40);
	assert_int_equal(count_live_sessions(netns), 40);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 1039)));
	assert_false(crosses(netns, OUT, udp(VM, WEB, 2000, 53)));
	/* It is in force, so asking for it again is no change. */
	update_tap(netns);
	assert_int_equal(limit_of(netns), 40);
}

static void the_limit_tightens_as_sessions_end(void **state)
{
	struct netns *netns = *state;

	netns->config.live.timeout[STATE_UNREPLIED] = 0;
	set_netns_policy(netns, "<default in='deny' out='allow'/>");
	attach_tap(netns);
	open_sessions(netns, 1000, 40);
	/* Ten of them have an answer and live on. */
	for (uint16_t i = 0; i < 10; i++)
		assert_true(crosses(netns, IN, udp(WEB, VM, 53, 1000 + i)));
	netns->port.limits[LIMIT_SESSIONS] = 5;
	update_tap(netns);
	assert_int_equal(limit_of(netns), 40);

	apply_settings(netns->datapath, &netns->config);
	run_command("sleep 0.1");
	while (sweep_sessions(netns->datapath, 1000) == 1000)
		;
	assert_int_equal(count_live_sessions(netns), 10);
	assert_int_equal(limit_of(netns), 10);
	assert_false(crosses(netns, OUT, udp(VM, WEB, 3000, 53)));
}

static void a_limit_by_remote_counts_earlier_sessions(void **state)
{
	struct netns *netns = *state;

	set_netns_policy(netns, "<default in='deny' out='allow'/>");
	attach_tap(netns);
	open_sessions(netns, 1000, 5);
	netns->port.limits[LIMIT_SESSIONS_PER_REMOTE] = 7;
	run_command("sleep 0.05"); /* some jiffies */
	update_tap(netns);
	open_sessions(netns, 2000, 2);
	assert_false(crosses(netns, OUT, udp(VM, WEB, 3000, 53)));
	assert_int_equal(count_reason(netns, OUT, REASON_REMOTE_LIMIT), 1);
	assert_true(crosses(netns, OUT, udp(VM, CLIENT, 3000, 53)));

	/* The counts outlive another size of the table, and a new daemon. */
	run_command("sleep 0.05");
	netns->port.limits[LIMIT_SESSIONS] = 2000;
	update_tap(netns);
	assert_false(crosses(netns, OUT, udp(VM, WEB, 3000, 53)));
	close_netns_datapath(netns);
	open_netns_datapath(netns);
	assert_false(crosses(netns, OUT, udp(VM, WEB, 3000, 53)));

	netns->port.limits[LIMIT_SESSIONS_PER_REMOTE] = 0;
	update_tap(netns);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 3000, 53)));
}

#define test(function) cmocka_unit_test_setup_teardown(function, make_netns, drop_netns)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_new_policy_holds_at_once),
		test(a_session_that_is_now_forbidden_is_cut),
		test(the_same_again_changes_nothing),
		test(a_pick_up_window_that_runs_is_no_change),
		test(rule_counters_start_with_the_policy),
		test(a_refused_update_changes_nothing),
		test(an_update_without_a_port_is_refused),
		test(nothing_passes_in_quarantine),
		test(a_port_in_quarantine_can_go),
		test(sessions_outlive_a_quarantine),
		test(quarantines_use_nothing_up),
		test(many_ports_change_together),
		test(one_bad_update_spoils_all),
		test(a_larger_limit_keeps_every_session),
		test(a_smaller_limit_ends_no_session),
		test(the_limit_tightens_as_sessions_end),
		test(a_limit_by_remote_counts_earlier_sessions),
	};

	return run_netns_tests(tests);
}
