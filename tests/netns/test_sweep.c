/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions in numbers: looking at them, sweeping them, moving them to another table while packets
 * flow; and events.
 */
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "hostd/datapath/datapath.h"
#include "hostd/datapath/ports/sweep.h"
#include "hostd/datapath/queries/event_ring.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/datapath/queries/session_query.h"
#include "tests/harness/netns.h"
#include "tests/harness/test.h"

#define ONLY_OUT "<default in='deny' out='allow'/>"

#define MANY 100000

static int open_table_of(const struct netns *netns)
{
	struct port_status status;
	int table;

	assert_int_equal(read_port_status(netns->datapath, netns->tap, &status), 0);
	table = bpf_map_get_fd_by_id(status.session_map_id);
	assert_true(table >= 0);
	return table;
}

static void take(const struct session_view *view, void *context)
{
	*(struct session_view *)context = *view;
}

/* A session as a packet makes it; the table's only one. */
static struct session_view make_session(const struct netns *netns, uint16_t port)
{
	struct session_view view = {0};
	uint32_t place = 0;

	assert_true(crosses(netns, OUT, udp(VM, WEB, port, 53)));
	assert_int_equal(page_sessions(netns->datapath, netns->tap, 1000, &place, take, &view), 0);
	assert_int_equal(view.key.protocol, 17);
	return view;
}

/* Many copies of a session, each with another remote; each n-th idle for that many jiffies more. */
static void fill_table(const struct netns *netns, const struct session_view *like, uint32_t count,
		       uint32_t nth, uint32_t idle)
{
	int table = open_table_of(netns);

	for (uint32_t i = 0; i < count; i++) {
		struct session_key key = like->key;
		struct session session = like->session;

		key.remote[0] = i + 1;
		if (i % nth == 0)
			session.seen -= idle;
		assert_int_equal(bpf_map_update_elem(table, &key, &session, BPF_NOEXIST), 0);
	}
	close(table);
}

static uint32_t sweep_round(const struct netns *netns, uint32_t budget)
{
	uint32_t calls = 1;

	while (sweep_sessions(netns->datapath, budget) >= budget)
		calls++;
	return calls;
}

static uint32_t counted(const struct netns *netns)
{
	struct port_status status;

	assert_int_equal(read_port_status(netns->datapath, netns->tap, &status), 0);
	return status.session_count;
}

/* ---- looking -------------------------------------------------------------------------------- */

static void a_view_tells_the_session(void **state)
{
	struct netns *netns = *state;
	struct session_view view;

	set_netns_policy(netns, ONLY_OUT);
	attach_tap(netns);
	view = make_session(netns, 40000);
	assert_memory_equal(view.key.local, VM->address, ADDRESS_BYTES);
	assert_memory_equal(view.key.remote, WEB->address, ADDRESS_BYTES);
	assert_int_equal(view.session.state, STATE_UNREPLIED);
	assert_int_equal(view.session.packets[OUT], 1);
	assert_int_equal(view.age_seconds, view.idle_seconds);
	/* Both are rounded down. */
	assert_in_range(view.idle_seconds + view.expires_seconds,
			netns->config.live.timeout[STATE_UNREPLIED] - 1,
			netns->config.live.timeout[STATE_UNREPLIED]);
}

static void what_has_expired_is_not_shown(void **state)
{
	struct netns *netns = *state;
	struct session_view view;

	set_netns_policy(netns, ONLY_OUT);
	attach_tap(netns);
	view = make_session(netns, 40000);
	/* A day. */
	fill_table(netns, &view, 10, 2, 86400 * 1000);
	assert_int_equal(count_live_sessions(netns), 6);
}

/* ---- sweeping ------------------------------------------------------------------------------- */

static void a_round_ends_what_has_expired(void **state)
{
	struct netns *netns = *state;
	struct session_view view;

	netns->port.limits[LIMIT_SESSIONS] = 2 * MANY;
	set_netns_policy(netns, ONLY_OUT);
	attach_tap(netns);
	view = make_session(netns, 40000);
	fill_table(netns, &view, MANY, 4, 86400 * 1000);
	assert_int_equal(count_live_sessions(netns), MANY - MANY / 4 + 1);

	/* In slices: none does much more than its budget. */
	assert_true(sweep_round(netns, 2000) >= MANY / 3000);
	assert_int_equal(counted(netns), MANY - MANY / 4 + 1);
	assert_int_equal(count_live_sessions(netns), MANY - MANY / 4 + 1);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
}

/* Half of the clock's 32 bits and more: no daemon has swept for weeks. */
static void what_is_weeks_old_is_over(void **state)
{
	static const uint32_t ages[] = {1U << 31, (1U << 31) + 1000, 3U << 30,
					UINT32_MAX - (1U << 17)};
	struct netns *netns = *state;
	struct session_view view;
	uint32_t fresh = 1;

	set_netns_policy(netns, ONLY_OUT);
	attach_tap(netns);
	view = make_session(netns, 40000);
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		struct session_view old = view;

		old.key.local_port = (uint16_t)i;
		fill_table(netns, &old, 10, 1, ages[i]);
		assert_int_equal(count_live_sessions(netns), fresh);
		sweep_round(netns, 1000);
		assert_int_equal(counted(netns), fresh);
	}
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
}

static void a_slice_keeps_to_its_budget(void **state)
{
	struct netns *netns = *state;
	struct session_view view;

	netns->port.limits[LIMIT_SESSIONS] = 2 * MANY;
	set_netns_policy(netns, ONLY_OUT);
	attach_tap(netns);
	view = make_session(netns, 40000);
	fill_table(netns, &view, MANY / 10, MANY, 0);
	for (int i = 0; i < 5; i++) {
		uint32_t done = sweep_sessions(netns->datapath, 1000);

		assert_true(done >= 1000 && done < 3000);
	}
}

static void a_port_may_go_in_the_middle_of_a_round(void **state)
{
	struct netns *netns = *state;
	struct session_view view;

	netns->port.limits[LIMIT_SESSIONS] = MANY;
	set_netns_policy(netns, ONLY_OUT);
	attach_tap(netns);
	view = make_session(netns, 40000);
	fill_table(netns, &view, 10000, MANY, 0);
	sweep_sessions(netns->datapath, 2000);
	detach_tap(netns);
	attach_tap(netns);
	view = make_session(netns, 40000);
	fill_table(netns, &view, 5000, MANY, 0);
	sweep_round(netns, 2000);
	assert_int_equal(counted(netns), 5001);

	sweep_sessions(netns->datapath, 2000);
	netns->port.limits[LIMIT_SESSIONS] = MANY / 2;
	update_tap(netns);
	sweep_round(netns, 2000);
	assert_int_equal(counted(netns), 5001);
}

static void unfinished_handshakes_are_counted_out(void **state)
{
	struct netns *netns = *state;

	netns->port.limits[LIMIT_HALF_OPEN] = 1;
	netns->config.live.timeout[STATE_SYN_SENT] = 0;
	set_netns_policy(netns, ONLY_OUT);
	attach_tap(netns);
	assert_true(crosses(netns, OUT, tcp(VM, WEB, 40000, 80, SYN)));
	assert_false(crosses(netns, OUT, tcp(VM, WEB, 40001, 80, SYN)));
	apply_settings(netns->datapath, &netns->config);
	run_command("sleep 0.05");
	sweep_round(netns, 1000);
	assert_int_equal(count_live_sessions(netns), 0);
	assert_true(crosses(netns, OUT, tcp(VM, WEB, 40002, 80, SYN)));
}

static uint32_t pickup_seconds(const struct netns *netns)
{
	struct port_status status;

	assert_int_equal(read_port_status(netns->datapath, netns->tap, &status), 0);
	return status.pickup_seconds;
}

static void a_pickup_window_closes(void **state)
{
	struct netns *netns = *state;

	netns->port.pickup_seconds = 1;
	set_netns_policy(netns, ALLOW_ALL);
	attach_tap(netns);
	assert_int_equal(pickup_seconds(netns), 1);
	assert_true(crosses(netns, OUT, tcp(VM, WEB, 40000, 80, ACK)));
	run_command("sleep 1.1");
	assert_int_equal(pickup_seconds(netns), 0);
	assert_false(crosses(netns, OUT, tcp(VM, WEB, 40001, 80, ACK)));
	/* Jiffies come round; the sweep has made sure that the window does not. */
	sweep_round(netns, 1000);
	netns->port.pickup_seconds = 0;
	update_tap(netns);
	assert_false(crosses(netns, OUT, tcp(VM, WEB, 40002, 80, ACK)));
}

/* ---- another table while packets flow ------------------------------------------------------- */

struct opener {
	const struct netns *netns;
	uint32_t opened; /* sessions, each by one frame */
	bool stop;
};

/* Opens one session after the other, from port 1 of VM to ever other ports of WEB. */
/* One that nobody has closed in time looks, weeks later, as if it were to be open for weeks. */
static void a_window_that_is_too_long_closes(void **state)
{
	struct netns *netns = *state;

	netns->port.pickup_seconds = (1U << 30) / 1000;
	set_netns_policy(netns, ONLY_OUT);
	attach_tap(netns);
	assert_true(pickup_seconds(netns) > 0);
	sweep_round(netns, 1000);
	assert_int_equal(pickup_seconds(netns), 0);
}

static void *open_many(void *context)
{
	struct opener *opener = context;

	while (!__atomic_load_n(&opener->stop, __ATOMIC_ACQUIRE) && opener->opened < 60000) {
		struct packet packet = udp(VM, WEB, 1, 1 + (uint16_t)opener->opened);

		if (send(opener->netns->vm, packet.bytes, packet.length, 0) != packet.length)
			break;
		opener->opened++;
	}
	return NULL;
}

/* Nobody has received what was sent meanwhile. */
static void drain(int end)
{
	char byte;

	while (recv(end, &byte, sizeof(byte), MSG_DONTWAIT) >= 0)
		;
}

static void no_session_is_lost_between_two_tables(void **state)
{
	struct netns *netns = *state;
	struct opener opener = {.netns = netns};
	pthread_t thread;

	netns->port.limits[LIMIT_SESSIONS] = 70000;
	set_netns_policy(netns, ONLY_OUT);
	attach_tap(netns);
	assert_int_equal(pthread_create(&thread, NULL, open_many, &opener), 0);
	for (int i = 0; i < 6; i++) {
		netns->port.limits[LIMIT_SESSIONS] = i % 2 ? 70000 : 90000;
		update_tap(netns);
	}
	__atomic_store_n(&opener.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	drain(netns->net);
	/* What is sent last has not crossed until this has. */
	assert_true(crosses(netns, OUT, udp(VM, WEB, 2, 1)));
	assert_true(opener.opened > 100);
	assert_int_equal(count_reason(netns, OUT, REASON_NEW), opener.opened + 1);
	assert_int_equal(count_live_sessions(netns), opener.opened + 1);
}

/* ---- events --------------------------------------------------------------------------------- */

struct seen {
	unsigned int count;
	unsigned int ifindex;
	struct event event;
};

static void note_event(const struct event *event, unsigned int ifindex, void *context)
{
	struct seen *seen = context;

	seen->count++;
	seen->ifindex = ifindex;
	seen->event = *event;
}

static bool is_readable(const struct netns *netns)
{
	struct pollfd end = {.fd = event_descriptor(netns->datapath), .events = POLLIN};

	return poll(&end, 1, 0) == 1;
}

static void events_come_with_their_device(void **state)
{
	struct netns *netns = *state;
	struct seen seen = {0};

	set_netns_policy(netns, "<rule direction='in' action='deny' log='yes'/>");
	attach_tap(netns);
	assert_false(is_readable(netns));
	assert_false(crosses(netns, IN, udp(WEB, VM, 40000, 53)));
	assert_true(is_readable(netns));
	consume_events(netns->datapath, note_event, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.ifindex, netns->tap);
	assert_int_equal(seen.event.kind, EVENT_DENIED);
	assert_int_equal(seen.event.reason, REASON_POLICY);
	assert_memory_equal(seen.event.key.remote, WEB->address, ADDRESS_BYTES);
	assert_false(is_readable(netns));
}

static void events_outlive_the_daemon(void **state)
{
	struct netns *netns = *state;
	struct seen seen = {0};

	set_netns_policy(netns, "<rule direction='in' action='deny' log='yes'/>");
	attach_tap(netns);
	close_netns_datapath(netns);
	assert_false(crosses(netns, IN, udp(WEB, VM, 40000, 53)));
	open_netns_datapath(netns);
	consume_events(netns->datapath, note_event, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.ifindex, netns->tap);
}

static void a_slots_former_port_is_not_the_present_one(void **state)
{
	struct netns *netns = *state;
	struct seen seen = {0};

	set_netns_policy(netns, "<rule direction='in' action='deny' log='yes'/>");
	attach_tap(netns);
	assert_false(crosses(netns, IN, udp(WEB, VM, 40000, 53)));
	detach_tap(netns);
	attach_tap(netns);
	consume_events(netns->datapath, note_event, &seen);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.ifindex, 0);
}

#define test(function) cmocka_unit_test_setup_teardown(function, make_netns, drop_netns)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_view_tells_the_session),
		test(what_has_expired_is_not_shown),
		test(a_round_ends_what_has_expired),
		test(a_slice_keeps_to_its_budget),
		test(a_port_may_go_in_the_middle_of_a_round),
		test(unfinished_handshakes_are_counted_out),
		test(a_pickup_window_closes),
		test(a_window_that_is_too_long_closes),
		test(what_is_weeks_old_is_over),
		test(no_session_is_lost_between_two_tables),
		test(events_come_with_their_device),
		test(events_outlive_the_daemon),
		test(a_slots_former_port_is_not_the_present_one),
	};

	return run_netns_tests(tests);
}
