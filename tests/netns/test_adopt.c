/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A daemon's end and the next one's start: what goes on between them and what is taken over.
 */
#include <fcntl.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "hostd/datapath/attachment/attach.h"
#include "hostd/datapath/datapath.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/datapath/ports/former.h"
#include "hostd/datapath/queries/port_stats.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/datapath/remove_datapath.h"
#include "tests/harness/netns.h"
#include "tests/harness/test.h"

static const enum attach_method tcx = ATTACH_TCX, clsact = ATTACH_CLSACT;

#define ONLY_OUT "<default in='deny' out='allow'/>"

static struct datapath_status whole_of(const struct netns *netns)
{
	struct datapath_status status;

	read_datapath_status(netns->datapath, &status);
	return status;
}

static struct port_status tap_of(const struct netns *netns)
{
	struct port_status status;

	assert_int_equal(read_port_status(netns->datapath, netns->tap, &status), 0);
	return status;
}

static void enforcement_goes_on_without_a_daemon(void **state)
{
	struct netns *netns = *state;

	set_netns_policy(netns, ONLY_OUT);
	attach_tap(netns);
	close_netns_datapath(netns);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 53)));
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
}

static void sessions_and_counters_are_taken_over(void **state)
{
	struct netns *netns = *state;
	struct port_status before, after;
	struct datapath_status whole, then;
	struct counter counter;

	set_netns_policy(netns, ONLY_OUT "<rule direction='in' action='deny'>"
					 "<udp port='53'/></rule>");
	attach_tap(netns);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 53)));
	assert_false(crosses(netns, IN, udp(WEB, VM, 40000, 53)));
	before = tap_of(netns);
	whole = whole_of(netns);

	close_netns_datapath(netns);
	open_netns_datapath(netns);
	assert_int_equal(netns->diag.warning_count, 0);
	after = tap_of(netns);
	then = whole_of(netns);
	assert_true(then.adopted);
	assert_int_equal(then.port_count, 1);
	assert_int_equal(then.image_count, 1);
	assert_int_equal(then.nodes_used, whole.nodes_used);
	assert_int_equal(then.rule_counters_used, whole.rule_counters_used);
	assert_string_equal(after.ifname, "tap0");
	assert_int_equal(after.attach, netns->config.attach);
	assert_int_equal(after.slot, before.slot);
	assert_int_equal(after.generation, before.generation);
	assert_int_equal(after.session_map_id, before.session_map_id);
	assert_int_equal(after.session_limit, before.session_limit);
	for (int i = 0; i < 2; i++) {
		/* The same link, another program. */
		assert_true(after.hooked[i]);
		assert_int_equal(after.link_id[i], before.link_id[i]);
		assert_int_not_equal(after.program_id[i], before.program_id[i]);
	}
	assert_int_equal(count_reason(netns, OUT, REASON_NEW), 1);
	assert_int_equal(read_rule_counter(netns->datapath, netns->tap, 1, &counter), 0);
	assert_int_equal(counter.packets, 1);
	assert_int_equal(count_live_sessions(netns), 1);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
}

static void an_adopted_port_can_be_changed_and_detached(void **state)
{
	struct netns *netns = *state;
	unsigned int before = count_remains(netns);
	uint32_t generation;

	attach_tap(netns);
	close_netns_datapath(netns);
	open_netns_datapath(netns);
	generation = tap_of(netns).generation;
	update_tap(netns);
	assert_int_equal(tap_of(netns).generation, generation);
	set_netns_policy(netns, ALLOW_ALL);
	update_tap(netns);
	assert_int_not_equal(tap_of(netns).generation, generation);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	/* The clsact qdisc is still known to be ours. */
	detach_tap(netns);
	assert_int_equal(count_remains(netns), before);
}

static void the_method_of_a_port_stays(void **state)
{
	struct netns *netns = *state;

	if (!is_attach_supported(ATTACH_TCX))
		skip();
	attach_tap(netns);
	close_netns_datapath(netns);
	netns->config.attach = netns->config.attach == ATTACH_TCX ? ATTACH_CLSACT : ATTACH_TCX;
	open_netns_datapath(netns);
	assert_int_equal(whole_of(netns).attach, netns->config.attach);
	assert_int_not_equal(tap_of(netns).attach, netns->config.attach);
	assert_true(tap_of(netns).hooked[IN] && tap_of(netns).hooked[OUT]);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
}

static void a_device_that_went_meanwhile_is_reported(void **state)
{
	struct netns *netns = *state;
	unsigned int before = count_remains(netns);

	attach_tap(netns);
	close_netns_datapath(netns);
	run_command("ip link del tap0");
	open_netns_datapath(netns);
	assert_int_equal(netns->diag.warning_count, 0);
	assert_true(tap_of(netns).device_gone);
	assert_false(tap_of(netns).hooked[IN] || tap_of(netns).hooked[OUT]);
	detach_tap(netns);
	assert_int_equal(count_remains(netns), before);
}

static void an_ifindex_beyond_the_array_is_taken_over(void **state)
{
	struct netns *netns = *state;
	const unsigned int ifindex = PORT_INDEX_ENTRIES + 7;

	run_command("ip link add far0 index %u type bridge", ifindex);
	attach_tap(netns);
	assert_int_equal(attach_port(netns->datapath, ifindex, &netns->port, netns->policy.image,
				     &netns->diag),
			 0);
	close_netns_datapath(netns);
	open_netns_datapath(netns);
	assert_int_equal(whole_of(netns).port_count, 2);
	assert_int_equal(whole_of(netns).image_count, 1);
	assert_int_equal(detach_port(netns->datapath, ifindex), 0);
	close_netns_datapath(netns);
	open_netns_datapath(netns);
	assert_int_equal(whole_of(netns).port_count, 1);
	run_command("ip link del far0");
}

static void other_settings_take_effect_or_say_why_not(void **state)
{
	struct netns *netns = *state;

	attach_tap(netns);
	close_netns_datapath(netns);
	netns->config.sizes.max_ports = 99;
	netns->config.sizes.policy_nodes = 8192;
	open_netns_datapath(netns);
	assert_int_equal(whole_of(netns).max_ports, 4);
	assert_int_equal(whole_of(netns).nodes_total, 4096);
	assert_true(netns->diag.warning_count >= 2);
	assert_non_null(strstr(netns->diag.warnings[0].text, "keeps its size"));
}

/* ---- who may -------------------------------------------------------------------------------- */

static void one_process_at_a_time(void **state)
{
	struct netns *netns = *state;
	struct datapath *second = NULL;

	assert_int_equal(open_datapath(&netns->config, &second, &netns->diag), -EBUSY);
	assert_null(second);
	clear_diag(&netns->diag);
	assert_int_equal(remove_datapath(netns->config.bpffs, &netns->diag), -EBUSY);
	clear_diag(&netns->diag);
}

static void write_abi(const struct netns *netns, uint32_t abi)
{
	char path[128];
	struct settings settings;
	uint32_t zero = 0;
	int map;

	snprintf(path, sizeof(path), "%s/maps/settings_map", netns->config.bpffs);
	map = bpf_obj_get(path);
	assert_int_equal(bpf_map_lookup_elem(map, &zero, &settings), 0);
	settings.abi = abi;
	assert_int_equal(bpf_map_update_elem(map, &zero, &settings, BPF_ANY), 0);
	close(map);
}

static void another_abi_can_be_removed(void **state)
{
	struct netns *netns = *state;

	attach_tap(netns);
	close_netns_datapath(netns);
	write_abi(netns, VMSEG_ABI + 1);
	assert_int_equal(remove_datapath(netns->config.bpffs, &netns->diag), 0);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	/* Whose the empty qdisc is cannot be known. */
	run_command("tc qdisc del dev tap0 clsact 2>/dev/null; true");
	assert_int_equal(count_remains(netns), 0);
}

static void pins_belong_in_a_bpf_file_system(void **state)
{
	struct netns *netns = *state;
	struct datapath *datapath = NULL;
	struct stat status;

	netns->config.bpffs = "/sys/vmseg";
	assert_int_equal(open_datapath(&netns->config, &datapath, &netns->diag), -ENOTSUP);
	assert_non_null(strstr(netns->diag.error.text, "mount -t bpf"));
	assert_int_equal(stat(netns->config.bpffs, &status), -1);
	clear_diag(&netns->diag);
	netns->config.bpffs = "/nowhere/at/all/vmseg";
	assert_int_equal(open_datapath(&netns->config, &datapath, &netns->diag), -ENOENT);
	clear_diag(&netns->diag);
}

/* ---- after an accident ---------------------------------------------------------------------- */

static void an_interrupted_first_start_is_begun_anew(void **state)
{
	struct netns *netns = *state;
	char path[128];

	close_netns_datapath(netns);
	snprintf(path, sizeof(path), "%s/maps/settings_map", netns->config.bpffs);
	assert_int_equal(unlink(path), 0);
	open_netns_datapath(netns);
	assert_false(whole_of(netns).adopted);
	attach_tap(netns);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
}

/* The record is gone, the rest is not: links and tables that no port owns. */
static void remains_of_an_interrupted_detach_are_cleared(void **state)
{
	struct netns *netns = *state;
	uint64_t none = 0;
	char path[128];
	int map;

	attach_tap(netns);
	close_netns_datapath(netns);
	snprintf(path, sizeof(path), "%s/maps/port_index", netns->config.bpffs);
	map = bpf_obj_get(path);
	assert_int_equal(bpf_map_update_elem(map, &netns->tap, &none, BPF_ANY), 0);
	close(map);
	open_netns_datapath(netns);
	assert_int_equal(whole_of(netns).port_count, 0);
	snprintf(path, sizeof(path), "%s/links", netns->config.bpffs);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	attach_tap(netns);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
}

/* A port with one session open, of a daemon that has ended. */
static void leave_a_port(struct netns *netns)
{
	set_netns_policy(netns, ONLY_OUT);
	attach_tap(netns);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 53)));
	close_netns_datapath(netns);
}

/* What is to be put back is of the kind that there was. */
static void a_program_that_went_meanwhile_is_missed(void **state)
{
	struct netns *netns = *state;

	leave_a_port(netns);
	run_command("rm -f %s/links/*; tc qdisc del dev tap0 clsact 2>/dev/null; true",
		    netns->config.bpffs);
	open_netns_datapath(netns);
	assert_int_equal(tap_of(netns).attach, netns->config.attach);
	assert_false(tap_of(netns).hooked[IN] || tap_of(netns).hooked[OUT]);
	assert_int_equal(repair_port(netns->datapath, netns->tap, &netns->diag), 0);
	assert_true(tap_of(netns).hooked[IN] && tap_of(netns).hooked[OUT]);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
}

/* ---- maps that cannot be gone on with ------------------------------------------------------- */

/* Opens where new maps had to be made: nothing changes on the tap, nothing is known of it. */
static void open_with_new_maps(struct netns *netns, const char *why)
{
	open_netns_datapath(netns);
	assert_true(netns->diag.warning_count > 0);
	assert_non_null(strstr(netns->diag.warnings[0].text, why));
	assert_false(whole_of(netns).adopted);
	assert_int_equal(whole_of(netns).port_count, 0);
	assert_true(is_formerly_filtered(netns->datapath, netns->tap));
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
}

/* The tap is taken over: its sessions are gone, and no packet that is not allowed has its chance.
 */
static void take_over_tap(struct netns *netns)
{
	attach_tap(netns);
	assert_false(is_formerly_filtered(netns->datapath, netns->tap));
	assert_int_equal(tap_of(netns).attach, netns->config.attach);
	assert_true(tap_of(netns).hooked[IN] && tap_of(netns).hooked[OUT]);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 53)));
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
	assert_int_equal(count_reason(netns, IN, REASON_ESTABLISHED), 1);
}

static void another_abi_is_changed_over(void **state)
{
	struct netns *netns = *state;
	unsigned int before = count_remains(netns);

	leave_a_port(netns);
	write_abi(netns, VMSEG_ABI + 1);
	open_with_new_maps(netns, "ABI");
	take_over_tap(netns);
	assert_int_equal(detach_port(netns->datapath, netns->tap), 0);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	run_command("tc qdisc del dev tap0 clsact 2>/dev/null; true");
	assert_int_equal(count_remains(netns), before);
}

static void the_links_of_another_abi_are_kept(void **state)
{
	struct netns *netns = *state;
	uint32_t in, out;

	set_netns_policy(netns, ONLY_OUT);
	attach_tap(netns);
	in = tap_of(netns).link_id[IN];
	out = tap_of(netns).link_id[OUT];
	close_netns_datapath(netns);
	write_abi(netns, VMSEG_ABI + 1);
	open_netns_datapath(netns);
	attach_tap(netns);
	assert_int_equal(tap_of(netns).link_id[IN], in);
	assert_int_equal(tap_of(netns).link_id[OUT], out);
}

/* The one before took the device for a macvtap. */
static void a_port_that_was_the_wrong_way_round_is_turned(void **state)
{
	struct netns *netns = *state;

	netns->port.reversed = true;
	set_netns_policy(netns, "<default in='allow' out='deny'/>");
	attach_tap(netns);
	close_netns_datapath(netns);
	write_abi(netns, VMSEG_ABI + 1);
	open_netns_datapath(netns);
	assert_true(is_formerly_filtered(netns->datapath, netns->tap));
	netns->port.reversed = false;
	set_netns_policy(netns, ONLY_OUT);
	take_over_tap(netns);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
}

static void an_interrupted_change_over_goes_on(void **state)
{
	struct netns *netns = *state;

	leave_a_port(netns);
	write_abi(netns, VMSEG_ABI + 1);
	open_with_new_maps(netns, "ABI");
	close_netns_datapath(netns);
	open_netns_datapath(netns);
	assert_true(whole_of(netns).adopted);
	assert_true(is_formerly_filtered(netns->datapath, netns->tap));
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	take_over_tap(netns);
}

/* What cannot be taken over goes on as it was. */
static void a_take_over_that_fails_opens_nothing(void **state)
{
	struct netns *netns = *state;

	leave_a_port(netns);
	write_abi(netns, VMSEG_ABI + 1);
	open_netns_datapath(netns);
	netns->port.limits[LIMIT_SESSIONS] = UINT32_MAX;
	assert_true(attach_port(netns->datapath, netns->tap, &netns->port, netns->policy.image,
				&netns->diag) < 0);
	clear_diag(&netns->diag);
	assert_true(is_formerly_filtered(netns->datapath, netns->tap));
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
}

static void what_is_not_taken_over_can_be_detached(void **state)
{
	struct netns *netns = *state;

	leave_a_port(netns);
	write_abi(netns, VMSEG_ABI + 1);
	open_netns_datapath(netns);
	assert_int_equal(detach_port(netns->datapath, netns->tap), 0);
	assert_int_equal(detach_port(netns->datapath, netns->tap), -ENOENT);
	assert_false(is_formerly_filtered(netns->datapath, netns->tap));
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
}

static void what_went_before_the_change_over_leaves_nothing(void **state)
{
	struct netns *netns = *state;
	unsigned int before = count_remains(netns);

	leave_a_port(netns);
	write_abi(netns, VMSEG_ABI + 1);
	run_command("ip link del tap0");
	open_netns_datapath(netns);
	assert_false(is_formerly_filtered(netns->datapath, netns->tap));
	assert_int_equal(count_remains(netns), before);
}

/* No pin of the maps is left: nobody knows any more what there was, but the tap's programs do. */
static void lost_pins_are_made_anew(void **state)
{
	struct netns *netns = *state;

	leave_a_port(netns);
	run_command("rm -r %s/maps", netns->config.bpffs);
	open_netns_datapath(netns);
	assert_true(is_formerly_filtered(netns->datapath, netns->tap));
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	take_over_tap(netns);
}

static void a_lost_pin_is_made_anew(void **state)
{
	struct netns *netns = *state;

	leave_a_port(netns);
	run_command("rm %s/maps/stats_map", netns->config.bpffs);
	open_with_new_maps(netns, "cannot open the pinned map");
	assert_non_null(strstr(netns->diag.warnings[0].where, "stats_map"));
	take_over_tap(netns);
}

static void a_foreign_pin_is_replaced(void **state)
{
	struct netns *netns = *state;
	int map = bpf_map_create(BPF_MAP_TYPE_HASH, "foreign", 4, 4, 1, NULL);
	char path[128];

	leave_a_port(netns);
	snprintf(path, sizeof(path), "%s/maps/stats_map", netns->config.bpffs);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(bpf_obj_pin(map, path), 0);
	close(map);
	open_with_new_maps(netns, "expected type");
	take_over_tap(netns);
}

static void maps_that_contradict_themselves_are_made_anew(void **state)
{
	struct netns *netns = *state;
	uint64_t number = 1;
	unsigned int other = netns->tap + 1000;
	char path[128];
	int map;

	leave_a_port(netns);
	snprintf(path, sizeof(path), "%s/maps/port_index", netns->config.bpffs);
	map = bpf_obj_get(path);
	/* Two devices, one record. */
	assert_int_equal(bpf_map_update_elem(map, &other, &number, BPF_ANY), 0);
	close(map);
	open_with_new_maps(netns, "are inconsistent");
	take_over_tap(netns);
}

/* ---- removal -------------------------------------------------------------------------------- */

static void remove_leaves_nothing(void **state)
{
	struct netns *netns = *state;

	run_command("ip link add more1 type bridge");
	attach_tap(netns);
	assert_int_equal(attach_port(netns->datapath, if_nametoindex("more1"), &netns->port,
				     netns->policy.image, &netns->diag),
			 0);
	assert_true(count_remains(netns) > 0);
	close_netns_datapath(netns);
	assert_int_equal(remove_datapath(netns->config.bpffs, &netns->diag), 0);
	assert_int_equal(count_remains(netns), 0);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	assert_int_equal(remove_datapath(netns->config.bpffs, &netns->diag), 0);
	run_command("ip link del more1");
}

static void remove_leaves_what_others_put_there(void **state)
{
	struct netns *netns = *state;
	char line[64];

	run_command("tc qdisc add dev out0 clsact");
	attach_tap(netns);
	close_netns_datapath(netns);
	assert_int_equal(remove_datapath(netns->config.bpffs, &netns->diag), 0);
	assert_int_equal(count_remains(netns), 1);
	assert_string_not_equal(ask_command("tc qdisc show dev out0 | grep clsact", line,
					    sizeof(line)),
				"");
}

#define with(function, method)                                                                     \
	{                                                                                          \
		.name = #function " (" #method ")", .test_func = (function),                       \
		.setup_func = make_netns, .teardown_func = drop_netns,                             \
		.initial_state = (void *)&(method),                                                \
	}
#define with_both(function) with(function, tcx), with(function, clsact)
#define test(function)      cmocka_unit_test_setup_teardown(function, make_netns, drop_netns)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_both(enforcement_goes_on_without_a_daemon),
		with_both(sessions_and_counters_are_taken_over),
		with_both(an_adopted_port_can_be_changed_and_detached),
		with_both(the_method_of_a_port_stays),
		with_both(a_device_that_went_meanwhile_is_reported),
		test(an_ifindex_beyond_the_array_is_taken_over),
		test(other_settings_take_effect_or_say_why_not),
		test(one_process_at_a_time),
		with_both(another_abi_can_be_removed),
		test(pins_belong_in_a_bpf_file_system),
		test(an_interrupted_first_start_is_begun_anew),
		with(remains_of_an_interrupted_detach_are_cleared, tcx),
		with_both(a_program_that_went_meanwhile_is_missed),
		with_both(another_abi_is_changed_over),
		with(the_links_of_another_abi_are_kept, tcx),
		with_both(a_port_that_was_the_wrong_way_round_is_turned),
		with_both(an_interrupted_change_over_goes_on),
		with(a_take_over_that_fails_opens_nothing, tcx),
		with_both(what_is_not_taken_over_can_be_detached),
		with(what_went_before_the_change_over_leaves_nothing, tcx),
		with_both(lost_pins_are_made_anew),
		with(a_lost_pin_is_made_anew, tcx),
		with(a_foreign_pin_is_replaced, tcx),
		with(maps_that_contradict_themselves_are_made_anew, tcx),
		with_both(remove_leaves_nothing),
		with_both(remove_leaves_what_others_put_there),
	};

	return run_netns_tests(tests);
}
