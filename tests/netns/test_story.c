/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port's life from end to end, by whatever the kernel has: short enough to be told on every
 * kernel that vmseg supports, where the other tests of the datapath would take an hour.
 */
#include "hostd/datapath/attachment/attach.h"
#include "hostd/datapath/datapath.h"
#include "hostd/datapath/ports/sweep.h"
#include "hostd/datapath/queries/port_status.h"
#include "tests/harness/netns.h"
#include "tests/harness/test.h"

static struct port_status tap_of(const struct netns *netns)
{
	struct port_status status;

	assert_int_equal(read_port_status(netns->datapath, netns->tap, &status), 0);
	return status;
}

static void expect_open_flow(const struct netns *netns)
{
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
}

static void a_port_lives_through_it_all(void **state)
{
	struct netns *netns = *state;
	uint32_t program;

	/* The VM starts. */
	set_netns_policy(netns, "<default in='deny' out='allow'/>");
	attach_tap(netns);
	assert_true(tap_of(netns).hooked[IN] && tap_of(netns).hooked[OUT]);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 53)));
	assert_true(crosses(netns, OUT, tcp(VM, WEB, 40000, 80, SYN)));
	expect_open_flow(netns);

	/* Another policy, and more sessions. */
	set_netns_policy(netns, "<default in='deny' out='allow'/>"
				"<rule direction='out' action='deny'><tcp port='80'/></rule>");
	netns->port.limits[LIMIT_SESSIONS] = 2000;
	netns->port.limits[LIMIT_SESSIONS_PER_REMOTE] = 10;
	update_tap(netns);
	assert_int_equal(tap_of(netns).session_limit, 2000);
	assert_false(crosses(netns, OUT, tcp(VM, WEB, 40000, 80, SYN)));
	expect_open_flow(netns);

	/* The next daemon. */
	program = tap_of(netns).program_id[IN];
	close_netns_datapath(netns);
	expect_open_flow(netns);
	open_netns_datapath(netns);
	assert_int_not_equal(tap_of(netns).program_id[IN], program);
	assert_true(tap_of(netns).hooked[IN] && tap_of(netns).hooked[OUT]);
	expect_open_flow(netns);

	/* Sessions run out. */
	assert_int_equal(count_live_sessions(netns), 1);
	netns->config.live.timeout[STATE_REPLIED] = 0;
	apply_settings(netns->datapath, &netns->config);
	run_command("sleep 0.1");
	assert_true(sweep_sessions(netns->datapath, 1000) < 1000);
	assert_int_equal(tap_of(netns).session_count, 0);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40000)));

	/* It is stopped. */
	detach_tap(netns);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
}

static void the_method_is_the_best_there_is(void **state)
{
	struct netns *netns = *state;
	struct datapath_status status;

	read_datapath_status(netns->datapath, &status);
	assert_int_equal(status.attach,
			 is_attach_supported(ATTACH_TCX) ? ATTACH_TCX : ATTACH_CLSACT);
}

#define test(function) cmocka_unit_test_setup_teardown(function, make_netns, drop_netns)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_port_lives_through_it_all),
		test(the_method_is_the_best_there_is),
	};

	return run_netns_tests(tests);
}
