/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching and detaching on real devices, by TCX and by clsact.
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <bpf/bpf.h>
#include <linux/pkt_cls.h>

#include "hostd/datapath/attachment/attach_method.h"
#include "hostd/datapath/datapath.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/datapath/ports/update.h"
#include "hostd/datapath/queries/port_stats.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/datapath/remove_datapath.h"
#include "tests/harness/netns.h"
#include "tests/harness/test.h"

static const enum attach_method tcx = ATTACH_TCX, clsact = ATTACH_CLSACT;

static void traffic_follows_the_policy(void **state)
{
	struct netns *netns = *state;

	assert_true(crosses(netns, OUT, udp(VM, WEB, 1000, 53)));
	assert_true(crosses(netns, IN, udp(WEB, VM, 1000, 53)));

	set_netns_policy(netns, "<default in='deny' out='allow'/>");
	attach_tap(netns);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 53)));
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40000)));
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	assert_int_equal(count_reason(netns, OUT, REASON_NEW), 1);
	assert_int_equal(count_reason(netns, IN, REASON_ESTABLISHED), 1);
	assert_int_equal(count_reason(netns, IN, REASON_POLICY), 1);
	assert_int_equal(count_live_sessions(netns), 1);
}

static void status_says_what_the_kernel_says(void **state)
{
	struct netns *netns = *state;
	struct port_status status;
	struct datapath_status whole;

	attach_tap(netns);
	assert_int_equal(read_port_status(netns->datapath, netns->tap, &status), 0);
	assert_int_equal(status.ifindex, netns->tap);
	assert_string_equal(status.ifname, "tap0");
	assert_int_equal(status.attach, netns->config.attach);
	assert_int_equal(status.session_limit, 1000);
	assert_int_not_equal(status.session_map_id, 0);
	assert_false(status.device_gone);
	for (int i = 0; i < 2; i++) {
		assert_true(status.hooked[i]);
		assert_int_not_equal(status.program_id[i], 0);
		assert_int_equal(!!status.link_id[i], netns->config.attach == ATTACH_TCX);
	}
	assert_int_not_equal(status.program_id[IN], status.program_id[OUT]);

	read_datapath_status(netns->datapath, &whole);
	assert_int_equal(whole.attach, netns->config.attach);
	assert_int_equal(whole.port_count, 1);
	assert_int_equal(whole.max_ports, 4);
	assert_int_equal(whole.image_count, 1);
	assert_true(whole.nodes_used > 0 && whole.rule_counters_used > 0);
	assert_false(whole.adopted);
}

static void detach_leaves_nothing_on_the_device(void **state)
{
	struct netns *netns = *state;
	struct datapath_status whole;
	struct port_stats stats;
	unsigned int before = count_remains(netns);

	attach_tap(netns);
	assert_true(count_remains(netns) > before);
	detach_tap(netns);
	assert_int_equal(count_remains(netns), before);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	assert_int_equal(detach_port(netns->datapath, netns->tap), -ENOENT);
	assert_int_equal(read_port_stats(netns->datapath, netns->tap, &stats), -ENOENT);
	read_datapath_status(netns->datapath, &whole);
	assert_int_equal(whole.port_count + whole.image_count + whole.nodes_used, 0);
	assert_int_equal(whole.rule_counters_used, 0);
}

static void a_slot_starts_from_zero(void **state)
{
	struct netns *netns = *state;
	struct counter counter;

	attach_tap(netns);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	assert_int_equal(read_rule_counter(netns->datapath, netns->tap, 0, &counter), 0);
	assert_int_equal(counter.packets, 1);
	detach_tap(netns);
	attach_tap(netns);
	assert_int_equal(count_reason(netns, IN, REASON_POLICY), 0);
	assert_int_equal(read_rule_counter(netns->datapath, netns->tap, 0, &counter), 0);
	assert_int_equal(counter.packets, 0);
	assert_int_equal(read_rule_counter(netns->datapath, netns->tap, 1, &counter), -ERANGE);
}

static void a_reversed_port_filters_the_other_way_round(void **state)
{
	struct netns *netns = *state;

	/* As with a macvtap: what comes out of the device is what the guest sends. */
	netns->port.reversed = true;
	set_netns_policy(netns, "<default in='allow' out='deny'/>");
	attach_tap(netns);
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40000, 53)));
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	assert_int_equal(count_reason(netns, OUT, REASON_POLICY), 1);
	close_netns_datapath(netns);
	open_netns_datapath(netns);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40002)));
	assert_true(crosses(netns, OUT, udp(VM, WEB, 40003, 53)));
}

/* ---- failures ------------------------------------------------------------------------------- */

static void what_is_refused_leaves_nothing(void **state)
{
	struct netns *netns = *state;
	struct datapath_status whole;
	unsigned int before = count_remains(netns);

	assert_int_equal(attach_port(netns->datapath, 4711, &netns->port, netns->policy.image,
				     &netns->diag),
			 -ENODEV);
	assert_string_equal(netns->diag.error.text, "there is no device 4711");
	clear_diag(&netns->diag);

	netns->port.address_count = PORT_ADDRESSES_MAX + 1;
	assert_int_equal(attach_port(netns->datapath, netns->tap, &netns->port, netns->policy.image,
				     &netns->diag),
			 -EINVAL);
	clear_diag(&netns->diag);
	netns->port.address_count = 0;

	/* More than a kernel makes. */
	netns->port.limits[LIMIT_SESSIONS] = UINT32_MAX;
	assert_true(attach_port(netns->datapath, netns->tap, &netns->port, netns->policy.image,
				&netns->diag) < 0);
	clear_diag(&netns->diag);

	assert_int_equal(count_remains(netns), before);
	read_datapath_status(netns->datapath, &whole);
	assert_int_equal(whole.port_count + whole.image_count + whole.nodes_used, 0);
}

static void a_device_is_attached_once(void **state)
{
	struct netns *netns = *state;

	attach_tap(netns);
	assert_int_equal(attach_port(netns->datapath, netns->tap, &netns->port, netns->policy.image,
				     &netns->diag),
			 -EEXIST);
	clear_diag(&netns->diag);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
}

static void ports_beyond_the_last_are_refused(void **state)
{
	struct netns *netns = *state;
	struct port_config closed = netns->port;
	struct datapath_status whole;
	unsigned int before, ifindex;

	attach_tap(netns);
	for (int i = 1; i <= 3; i++) {
		run_command("ip link add more%d type bridge", i);
		ifindex = if_nametoindex(i == 1 ? "more1" : i == 2 ? "more2" : "more3");
		assert_int_equal(attach_port(netns->datapath, ifindex, &netns->port,
					     netns->policy.image, &netns->diag),
				 0);
	}
	before = count_remains(netns);
	run_command("ip link add more4 type bridge");
	assert_int_equal(attach_port(netns->datapath, if_nametoindex("more4"), &netns->port,
				     netns->policy.image, &netns->diag),
			 -ENOSPC);
	assert_string_equal(netns->diag.error.text,
			    "all 4 ports are in use: increase max-ports, see vmseg-hostd.conf(5)");
	clear_diag(&netns->diag);
	assert_int_equal(count_remains(netns), before);

	/* It can be closed, and not opened. */
	closed.limits[LIMIT_SESSIONS] = 0;
	closed.flags |= PORT_QUARANTINE;
	assert_int_equal(attach_port(netns->datapath, if_nametoindex("more4"), &closed,
				     netns->policy.image, &netns->diag),
			 0);
	assert_int_equal(update_port(netns->datapath, if_nametoindex("more4"), &netns->port,
				     netns->policy.image, &netns->diag),
			 -ENOSPC);
	clear_diag(&netns->diag);
	assert_int_equal(detach_port(netns->datapath, if_nametoindex("more4")), 0);
	tidy_netns_datapath(netns);

	/* One goes, the next comes. */
	assert_int_equal(detach_port(netns->datapath, if_nametoindex("more2")), 0);
	assert_int_equal(attach_port(netns->datapath, if_nametoindex("more4"), &netns->port,
				     netns->policy.image, &netns->diag),
			 0);
	read_datapath_status(netns->datapath, &whole);
	assert_int_equal(whole.port_count, 4);
	assert_int_equal(whole.image_count, 1);
	run_command("for d in more1 more2 more3 more4; do ip link del $d; done");
}

static void a_policy_too_large_for_the_pool_is_refused(void **state)
{
	struct netns *netns = *state;
	struct datapath_status whole;
	unsigned int before;

	close_netns_datapath(netns);
	assert_int_equal(remove_datapath(netns->config.bpffs, &netns->diag), 0);
	netns->config.sizes.policy_nodes = 2;
	open_netns_datapath(netns);
	before = count_remains(netns);
	set_netns_policy(netns, "<rule direction='in' action='allow'>"
				"<remote cidr='10.1.2.3'/><tcp port='80'/></rule>");
	assert_int_equal(attach_port(netns->datapath, netns->tap, &netns->port, netns->policy.image,
				     &netns->diag),
			 -ENOSPC);
	assert_non_null(strstr(netns->diag.error.text, "policy-nodes"));
	clear_diag(&netns->diag);
	assert_int_equal(count_remains(netns), before);
	read_datapath_status(netns->datapath, &whole);
	assert_int_equal(whole.nodes_used + whole.port_count + whole.rule_counters_used, 0);
}

/* ---- devices that change under us ----------------------------------------------------------- */

static void a_device_that_goes_is_reported(void **state)
{
	struct netns *netns = *state;
	struct port_status status;
	unsigned int before = count_remains(netns);

	attach_tap(netns);
	run_command("ip link del tap0");
	assert_int_equal(read_port_status(netns->datapath, netns->tap, &status), 0);
	assert_true(status.device_gone);
	assert_false(status.hooked[IN] || status.hooked[OUT]);
	assert_string_equal(status.ifname, "tap0");
	detach_tap(netns);
	assert_int_equal(count_remains(netns), before);
}

static void what_was_taken_off_is_put_back(void **state)
{
	struct netns *netns = *state;
	struct port_status status;

	attach_tap(netns);
	if (netns->config.attach == ATTACH_TCX)
		run_command("bpftool link detach pinned %s/links/%u-in", netns->config.bpffs,
			    netns->tap);
	else
		run_command("tc qdisc del dev tap0 clsact");
	assert_int_equal(read_port_status(netns->datapath, netns->tap, &status), 0);
	assert_false(status.hooked[IN]);
	assert_true(crosses(netns, IN, udp(WEB, VM, 53, 40001)));

	assert_int_equal(repair_port(netns->datapath, netns->tap, &netns->diag), 0);
	assert_int_equal(read_port_status(netns->datapath, netns->tap, &status), 0);
	assert_true(status.hooked[IN] && status.hooked[OUT]);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	assert_int_equal(repair_port(netns->datapath, netns->tap, &netns->diag), 0);
}

/* ---- others on the device ------------------------------------------------------------------- */

/* A program that passes everything on. */
static void add_foreign_filter(const struct netns *netns, const char *hook)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_UNSPEC},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", pass,
				    ARRAY_SIZE(pass), NULL);

	assert_true(program >= 0);
	assert_int_equal(bpf_obj_pin(program, "/sys/fs/bpf/foreign"), 0);
	run_command("tc filter add dev tap0 %s pref 7 bpf da pinned /sys/fs/bpf/foreign", hook);
	run_command("rm /sys/fs/bpf/foreign");
	close(program);
}

static void other_filters_are_left_alone(void **state)
{
	struct netns *netns = *state;
	char line[128];

	run_command("tc qdisc add dev tap0 clsact");
	add_foreign_filter(netns, "egress");
	attach_tap(netns);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	detach_tap(netns);
	assert_non_null(strstr(ask_command("tc filter show dev tap0 egress", line, sizeof(line)),
			       "pref 7"));
	run_command("tc qdisc del dev tap0 clsact");
}

static void a_clsact_qdisc_of_others_stays(void **state)
{
	struct netns *netns = *state;
	char line[128];

	run_command("tc qdisc add dev tap0 clsact");
	attach_tap(netns);
	detach_tap(netns);
	assert_non_null(
		strstr(ask_command("tc qdisc show dev tap0 | grep clsact", line, sizeof(line)),
		       "clsact"));
	run_command("tc qdisc del dev tap0 clsact");
}

static void our_clsact_qdisc_stays_while_others_use_it(void **state)
{
	struct netns *netns = *state;
	char line[128];

	attach_tap(netns);
	add_foreign_filter(netns, "ingress");
	detach_tap(netns);
	assert_non_null(strstr(ask_command("tc filter show dev tap0 ingress", line, sizeof(line)),
			       "pref 7"));
	run_command("tc qdisc del dev tap0 clsact");
}

static void clsact_refuses_an_ingress_qdisc(void **state)
{
	struct netns *netns = *state;
	char line[128];
	unsigned int before = count_remains(netns);

	/* What libvirt's <bandwidth> makes. */
	run_command("tc qdisc add dev tap0 ingress");
	assert_int_equal(attach_port(netns->datapath, netns->tap, &netns->port, netns->policy.image,
				     &netns->diag),
			 -EBUSY);
	assert_non_null(strstr(netns->diag.error.text, "qdisc \"ingress\""));
	assert_non_null(strstr(netns->diag.error.text, "<bandwidth>"));
	clear_diag(&netns->diag);
	assert_int_equal(count_remains(netns), before);
	assert_non_null(
		strstr(ask_command("tc qdisc show dev tap0 | grep ingress", line, sizeof(line)),
		       "ingress"));
	assert_string_equal(ask_command("tc filter show dev tap0 ingress", line, sizeof(line)), "");
}

static void tcx_does_not_mind_an_ingress_qdisc(void **state)
{
	struct netns *netns = *state;
	struct port_status status;

	run_command("tc qdisc add dev tap0 ingress");
	attach_tap(netns);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
	run_command("tc qdisc del dev tap0 ingress");
	assert_int_equal(read_port_status(netns->datapath, netns->tap, &status), 0);
	assert_true(status.hooked[IN] && status.hooked[OUT]);
	assert_false(crosses(netns, IN, udp(WEB, VM, 53, 40001)));
}

/* ---- what came before the programs ---------------------------------------------------------- */

/* A tap of which one end is a file, as a VM has it; a frame to the VM waits there. */
static int make_waiting_tap(struct netns *netns, unsigned int *ret_ifindex)
{
	struct ifreq request = {.ifr_name = "tun0", .ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	run_command("ip link set tun0 master br0 up");
	*ret_ifindex = if_nametoindex("tun0");
	/* Broadcast: it is at the other tap, so it is at this one. */
	assert_true(crosses(netns, IN, arp(ARP_REQUEST, WEB, VM)));
	return fd;
}

static bool has_frame(int tap)
{
	char frame[2048];
	bool any = false;

	while (read(tap, frame, sizeof(frame)) > 0)
		any = true;
	return any;
}

static void what_waits_for_a_new_vm_is_thrown_away(void **state)
{
	struct netns *netns = *state;
	unsigned int ifindex;
	int tap = make_waiting_tap(netns, &ifindex);
	char line[64];

	netns->port.fresh = true;
	assert_int_equal(attach_port(netns->datapath, ifindex, &netns->port, netns->policy.image,
				     &netns->diag),
			 0);
	assert_false(has_frame(tap));
	assert_string_equal(ask_command("ip -o link show tun0 | "
					"grep -o 'qlen [0-9]*'",
					line, sizeof(line)),
			    "qlen 1000");
	assert_int_equal(detach_port(netns->datapath, ifindex), 0);
	assert_true(crosses(netns, IN, arp(ARP_REQUEST, WEB, VM)));
	assert_true(has_frame(tap));
	close(tap);
}

static void what_waits_for_a_vm_that_runs_is_left(void **state)
{
	struct netns *netns = *state;
	unsigned int ifindex;
	int tap = make_waiting_tap(netns, &ifindex);

	assert_int_equal(attach_port(netns->datapath, ifindex, &netns->port, netns->policy.image,
				     &netns->diag),
			 0);
	assert_true(has_frame(tap));
	close(tap);
}

/* A daemon that died in the middle of the above. */
static void a_tap_without_a_queue_gets_one_back(void **state)
{
	struct netns *netns = *state;
	unsigned int ifindex;
	int tap = make_waiting_tap(netns, &ifindex);

	set_netns_policy(netns, ALLOW_ALL);
	assert_int_equal(attach_port(netns->datapath, ifindex, &netns->port, netns->policy.image,
				     &netns->diag),
			 0);
	run_command("ip link set tun0 txqueuelen 0");
	close_netns_datapath(netns);
	open_netns_datapath(netns);
	assert_true(crosses(netns, IN, arp(ARP_REQUEST, WEB, VM)));
	assert_true(has_frame(tap));
	close(tap);
}

#define with(function, method)                                                                     \
	{                                                                                          \
		.name = #function " (" #method ")", .test_func = (function),                       \
		.setup_func = make_netns, .teardown_func = drop_netns,                             \
		.initial_state = (void *)&(method),                                                \
	}
#define test(function)      cmocka_unit_test_setup_teardown(function, make_netns, drop_netns)
#define with_both(function) with(function, tcx), with(function, clsact)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_both(traffic_follows_the_policy),
		with_both(status_says_what_the_kernel_says),
		with_both(detach_leaves_nothing_on_the_device),
		with(a_slot_starts_from_zero, tcx),
		with_both(a_reversed_port_filters_the_other_way_round),
		with_both(what_is_refused_leaves_nothing),
		with_both(a_device_is_attached_once),
		with_both(ports_beyond_the_last_are_refused),
		with(a_policy_too_large_for_the_pool_is_refused, tcx),
		with_both(a_device_that_goes_is_reported),
		with_both(what_was_taken_off_is_put_back),
		with_both(other_filters_are_left_alone),
		with(a_clsact_qdisc_of_others_stays, clsact),
		with(our_clsact_qdisc_stays_while_others_use_it, clsact),
		with(clsact_refuses_an_ingress_qdisc, clsact),
		with(tcx_does_not_mind_an_ingress_qdisc, tcx),
		test(what_waits_for_a_new_vm_is_thrown_away),
		test(what_waits_for_a_vm_that_runs_is_left),
		test(a_tap_without_a_queue_gets_one_back),
	};

	return run_netns_tests(tests);
}
