/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of others on the same device, by TCX and by clsact: whose runs, in which order, and what
 * vmseg says of it.
 */
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/pkt_cls.h>

#include "hostd/datapath/attachment/attach_method.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/datapath/ports/port_table.h"
#include "hostd/datapath/queries/port_status.h"
#include "tests/harness/netns.h"
#include "tests/harness/test.h"

/* The VM receives what its tap sends. From include/uapi/linux/bpf.h of Linux 6.6. */
#define ATTACH_TYPE_TCX_EGRESS 47
#define FLAG_BEFORE            (1U << 3)

#define PATIENCE_MS 120000

static const enum attach_method tcx = ATTACH_TCX, clsact = ATTACH_CLSACT;

/* A program that counts packets and then says the same of each. */
struct foreign {
	int map, program, link;
};

static void load_foreign(int verdict, struct foreign *ret)
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "foreign", 4, 8, 1, NULL);
	const struct bpf_insn count[] = {
		{.code = BPF_LD | BPF_DW | BPF_IMM,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_PSEUDO_MAP_VALUE,
		 .imm = map},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 1},
		{.code = BPF_STX | BPF_ATOMIC | BPF_DW,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_REG_2,
		 .imm = BPF_ADD},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict},
		{.code = BPF_JMP | BPF_EXIT},
	};

	assert_true(map >= 0);
	*ret = (struct foreign){.map = map, .link = -1};
	ret->program = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", count,
				     ARRAY_SIZE(count), NULL);
	assert_true(ret->program >= 0);
}

static void free_foreign(struct foreign *foreign)
{
	close_descriptor(&foreign->link);
	close_descriptor(&foreign->program);
	close_descriptor(&foreign->map);
}

static uint64_t count_seen(const struct foreign *foreign)
{
	uint64_t seen = 0;
	uint32_t key = 0;

	assert_int_equal(bpf_map_lookup_elem(foreign->map, &key, &seen), 0);
	return seen;
}

/* On the way to the VM: before all others of the device, or after them. */
static void attach_foreign(const struct netns *netns, struct foreign *foreign, bool before)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = before ? FLAG_BEFORE : 0);

	if (netns->config.attach == ATTACH_TCX) {
		foreign->link = bpf_link_create(foreign->program, (int)netns->tap,
						ATTACH_TYPE_TCX_EGRESS, &options);
		assert_true(foreign->link >= 0);
		return;
	}
	assert_int_equal(bpf_obj_pin(foreign->program, "/sys/fs/bpf/foreign"), 0);
	run_command("tc qdisc add dev tap0 clsact 2>/dev/null || true");
	run_command("tc filter add dev tap0 egress pref %d bpf da pinned /sys/fs/bpf/foreign",
		    before ? 1 : 7);
	run_command("rm /sys/fs/bpf/foreign");
}

static void detach_foreign(const struct netns *netns, struct foreign *foreign, bool before)
{
	if (netns->config.attach == ATTACH_CLSACT)
		run_command("tc filter del dev tap0 egress pref %d", before ? 1 : 7);
	free_foreign(foreign);
}

static enum hook_state ask_state(const struct netns *netns)
{
	enum hook_state state = HOOKS_MISSING;

	assert_int_equal(read_hook_state(netns->datapath, netns->tap, &state), 0);
	return state;
}

static bool is_let_in(const struct netns *netns)
{
	return crosses(netns, IN, udp(WEB, VM, 53, 40001));
}

/* The packet that vmseg drops is not for anybody after it; the one that ends crosses() is. */
static void who_comes_later_sees_what_is_let_through(void **state)
{
	struct netns *netns = *state;
	struct foreign foreign;

	load_foreign(TC_ACT_UNSPEC, &foreign);
	attach_tap(netns);
	attach_foreign(netns, &foreign, false);
	assert_int_equal(ask_state(netns), HOOKS_FIRST);
	assert_false(is_let_in(netns));
	assert_int_equal(count_seen(&foreign), 1);
	assert_int_equal(detach_port(netns->datapath, netns->tap), 0);
	assert_true(is_let_in(netns));
	assert_int_equal(count_seen(&foreign), 3);
	detach_foreign(netns, &foreign, false);
}

static void who_was_there_before_goes_on(void **state)
{
	struct netns *netns = *state;
	struct foreign foreign;

	load_foreign(TC_ACT_UNSPEC, &foreign);
	attach_foreign(netns, &foreign, false);
	attach_tap(netns);
	assert_int_equal(ask_state(netns), HOOKS_FIRST);
	assert_false(is_let_in(netns));
	assert_int_equal(count_seen(&foreign), 1);
	detach_foreign(netns, &foreign, false);
	assert_int_equal(ask_state(netns), HOOKS_FIRST);
}

/* What it accepts never comes to vmseg: nothing that vmseg could do about it but say so. */
static void who_comes_before_is_reported(void **state)
{
	struct netns *netns = *state;
	struct foreign passing, accepting;

	load_foreign(TC_ACT_UNSPEC, &passing);
	load_foreign(TC_ACT_OK, &accepting);
	attach_tap(netns);
	attach_foreign(netns, &passing, true);
	assert_int_equal(ask_state(netns), HOOKS_BEHIND);
	assert_false(is_let_in(netns));
	assert_int_equal(count_seen(&passing), 2);
	detach_foreign(netns, &passing, true);
	assert_int_equal(ask_state(netns), HOOKS_FIRST);

	attach_foreign(netns, &accepting, true);
	assert_int_equal(ask_state(netns), HOOKS_BEHIND);
	assert_true(is_let_in(netns));
	detach_foreign(netns, &accepting, true);
	assert_int_equal(ask_state(netns), HOOKS_FIRST);
	assert_false(is_let_in(netns));
}

static void what_is_missing_is_seen_whichever_it_is(void **state)
{
	static const char *const names[] = {[IN] = "in", [OUT] = "out"};
	static const char *const hooks[] = {[IN] = "egress", [OUT] = "ingress"};
	struct netns *netns = *state;

	attach_tap(netns);
	for (int direction = IN; direction <= OUT; direction++) {
		assert_int_equal(ask_state(netns), HOOKS_FIRST);
		if (netns->config.attach == ATTACH_TCX)
			run_command("bpftool link detach pinned %s/links/%u-%s",
				    netns->config.bpffs, netns->tap, names[direction]);
		else
			run_command("tc filter del dev tap0 %s", hooks[direction]);
		assert_int_equal(ask_state(netns), HOOKS_MISSING);
		assert_int_equal(repair_port(netns->datapath, netns->tap, NULL), 0);
	}
	assert_int_equal(ask_state(netns), HOOKS_FIRST);
	assert_false(is_let_in(netns));
}

static void a_pin_that_is_removed_takes_its_program_along(void **state)
{
	struct netns *netns = *state;

	attach_tap(netns);
	run_command("rm %s/links/%u-in", netns->config.bpffs, netns->tap);
	/* The kernel lets go of a removed pin a little later, from a queue of work. */
	for (int i = 0; i < PATIENCE_MS && ask_state(netns) != HOOKS_MISSING; i++)
		usleep(1000);
	assert_int_equal(ask_state(netns), HOOKS_MISSING);
	assert_int_equal(repair_port(netns->datapath, netns->tap, NULL), 0);
	assert_int_equal(ask_state(netns), HOOKS_FIRST);
	assert_false(is_let_in(netns));
}

static void a_device_that_is_gone_misses_nothing(void **state)
{
	struct netns *netns = *state;
	enum hook_state hooks;

	assert_int_equal(read_hook_state(netns->datapath, netns->tap, &hooks), -ENOENT);
	attach_tap(netns);
	run_command("ip link del tap0");
	assert_int_equal(read_hook_state(netns->datapath, netns->tap, &hooks), -ENODEV);
}

static void every_port_is_visited_once(void **state)
{
	struct netns *netns = *state;
	uint32_t cursor = 0;

	assert_int_equal(next_attached_port(netns->datapath, false, &cursor), 0);
	attach_tap(netns);
	cursor = 0;
	assert_int_equal(next_attached_port(netns->datapath, false, &cursor), netns->tap);
	assert_int_equal(next_attached_port(netns->datapath, false, &cursor), 0);
	/* The kernel reports that filters are removed, and not that links are detached. */
	cursor = 0;
	assert_int_equal(next_attached_port(netns->datapath, true, &cursor),
			 netns->config.attach == ATTACH_TCX ? netns->tap : 0);
}

#define with(function, method)                                                                     \
	{                                                                                          \
		.name = #function " (" #method ")", .test_func = (function),                       \
		.setup_func = make_netns, .teardown_func = drop_netns,                             \
		.initial_state = (void *)&(method),                                                \
	}
#define with_both(function) with(function, tcx), with(function, clsact)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_both(who_comes_later_sees_what_is_let_through),
		with_both(who_was_there_before_goes_on),
		with_both(who_comes_before_is_reported),
		with_both(what_is_missing_is_seen_whichever_it_is),
		with(a_pin_that_is_removed_takes_its_program_along, tcx),
		with_both(a_device_that_is_gone_misses_nothing),
		with_both(every_port_is_visited_once),
	};

	return run_netns_tests(tests);
}
