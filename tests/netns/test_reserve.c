/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots in reserve: a port that comes finds its tables made. Map ids only grow, so a table that is
 * older than a map that was made in between was there before.
 */
#include <bpf/bpf.h>

#include "hostd/datapath/datapath.h"
#include "hostd/datapath/ports/reserve.h"
#include "hostd/datapath/queries/port_status.h"
#include "tests/harness/netns.h"
#include "tests/harness/test.h"

static struct port_status tap_of(const struct netns *netns)
{
	struct port_status status;

	assert_int_equal(read_port_status(netns->datapath, netns->tap, &status), 0);
	return status;
}

static void reserve(const struct netns *netns, uint32_t sessions, bool remotes)
{
	const struct slot_reservation reservation = {.sessions = sessions, .remotes = remotes};

	assert_int_equal(reserve_slots(netns->datapath, &reservation, 1), 0);
}

/* The id of a map that is made now. */
static uint32_t newest_map(void)
{
	_cleanup_close_ int map =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "marker", sizeof(uint32_t), 8, 1, NULL);
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);

	assert_true(map >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(map, &info, &size), 0);
	return info.id;
}

static void expect_reserved(const struct netns *netns, uint32_t marker)
{
	assert_true(tap_of(netns).session_map_id < marker);
}

static void expect_new(const struct netns *netns, uint32_t marker)
{
	assert_true(tap_of(netns).session_map_id > marker);
}

static void a_port_takes_what_fits(void **state)
{
	struct netns *netns = *state;
	uint32_t marker;

	reserve(netns, 500, false);
	reserve(netns, netns->port.limits[LIMIT_SESSIONS], false);
	marker = newest_map();
	set_netns_policy(netns, ALLOW_ALL);
	attach_tap(netns);
	expect_reserved(netns, marker);
	assert_int_equal(tap_of(netns).session_limit, netns->port.limits[LIMIT_SESSIONS]);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 53)));
	assert_int_equal(count_reason(netns, OUT, REASON_NEW), 1);
}

static void what_does_not_fit_is_left(void **state)
{
	struct netns *netns = *state;
	uint32_t marker;

	reserve(netns, netns->port.limits[LIMIT_SESSIONS] + 1, false);
	reserve(netns, netns->port.limits[LIMIT_SESSIONS], true);
	marker = newest_map();
	attach_tap(netns);
	expect_new(netns, marker);
}

static void a_limit_by_remote_address_is_kept(void **state)
{
	struct netns *netns = *state;
	uint32_t marker;

	netns->port.limits[LIMIT_SESSIONS_PER_REMOTE] = 1;
	reserve(netns, netns->port.limits[LIMIT_SESSIONS], true);
	marker = newest_map();
	set_netns_policy(netns, ALLOW_ALL);
	attach_tap(netns);
	expect_reserved(netns, marker);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 53)));
	assert_false(crosses(netns, OUT, udp(VM, WEB, 40001, 53)));
	assert_int_equal(count_reason(netns, OUT, REASON_REMOTE_LIMIT), 1);
}

/* As a start goes: announced, its tap appears and passes nothing, its policy comes. */
static void a_quarantine_is_left_with_the_table_at_hand(void **state)
{
	struct netns *netns = *state;
	uint32_t marker, sessions = netns->port.limits[LIMIT_SESSIONS];

	reserve(netns, sessions, false);
	marker = newest_map();
	set_netns_policy(netns, ALLOW_ALL);
	netns->port.limits[LIMIT_SESSIONS] = 0;
	attach_tap(netns);
	netns->port.limits[LIMIT_SESSIONS] = sessions;
	update_tap(netns);
	expect_reserved(netns, marker);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 53)));
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
}

static void a_quarantine_that_took_another_size_gets_its_own(void **state)
{
	struct netns *netns = *state;
	uint32_t sessions = netns->port.limits[LIMIT_SESSIONS];

	reserve(netns, 2, true);
	set_netns_policy(netns, ALLOW_ALL);
	netns->port.limits[LIMIT_SESSIONS] = 0;
	attach_tap(netns);
	netns->port.limits[LIMIT_SESSIONS] = sessions;
	update_tap(netns);
	assert_int_equal(tap_of(netns).session_limit, sessions);
	for (uint16_t port = 40000; port < 40010; port++)
		assert_true(crosses(netns, OUT, udp(VM, WEB, port, 53)));
}

/* The test's datapath has four slots. */
static void ports_come_before_the_reserve(void **state)
{
	struct netns *netns = *state;
	const struct slot_reservation reservations[] = {{.sessions = 7},
							{.sessions = 7},
							{.sessions = 7},
							{.sessions = 7},
							{.sessions = 7}};
	struct datapath_status status;

	read_datapath_status(netns->datapath, &status);
	assert_int_equal(status.max_ports, 4);
	assert_int_equal(reserve_slots(netns->datapath, reservations, 5), -ENOSPC);
	tidy_netns_datapath(netns);
	assert_int_equal(reserve_slots(netns->datapath, reservations, 4), 0);
	attach_tap(netns);
	assert_int_equal(tap_of(netns).session_limit, netns->port.limits[LIMIT_SESSIONS]);
}

static void the_next_daemon_begins_without_a_reserve(void **state)
{
	struct netns *netns = *state;
	uint32_t marker;

	reserve(netns, netns->port.limits[LIMIT_SESSIONS], false);
	marker = newest_map();
	close_netns_datapath(netns);
	open_netns_datapath(netns);
	attach_tap(netns);
	expect_new(netns, marker);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, make_netns, drop_netns)
	const struct CMUnitTest tests[] = {
		test(a_port_takes_what_fits),
		test(what_does_not_fit_is_left),
		test(a_limit_by_remote_address_is_kept),
		test(a_quarantine_is_left_with_the_table_at_hand),
		test(a_quarantine_that_took_another_size_gets_its_own),
		test(ports_come_before_the_reserve),
		test(the_next_daemon_begins_without_a_reserve),
	};
#undef test

	return run_netns_tests(tests);
}
