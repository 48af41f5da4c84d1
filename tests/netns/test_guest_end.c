/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is a guest's end, and what is part of the host's own network. Not every kernel has every
 * kind of device; tests/kernels runs this on some that do.
 */
#include <net/if.h>
#include <sched.h>

#include "hostd/enforce/apply/guest_end.h"
#include "tests/harness/netns.h"
#include "tests/harness/test.h"

/* A network namespace for each test. */
static int enter(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET);
}

static void expect_guest(const char *device)
{
	struct diag diag = {0};

	if (refuse_host_device(if_nametoindex(device), device, &diag) != 0)
		fail_msg("%s: %s", device, diag_message(&diag));
}

static void expect_refusal(const char *device, const char *why)
{
	struct diag diag = {0};
	const char *text;

	assert_int_equal(refuse_host_device(if_nametoindex(device), device, &diag), -EINVAL);
	text = diag_message(&diag);
	if (!strstr(text, why) || !strstr(text, device) || !strstr(text, "--force"))
		fail_msg("%s: \"%s\" is not in: %s", device, why, text);
	clear_diag(&diag);
}

static void a_pair(void)
{
	run_command("ip link add v0 type veth peer name v1");
	run_command("ip link set v0 up");
	run_command("ip link set v1 up");
}

static void veths_and_taps_are_guests_ends(void **state)
{
	(void)state;
	a_pair();
	run_command("ip link add br0 type bridge");
	run_command("ip link set v0 master br0");
	run_command("ip tuntap add t0 mode tap");
	run_command("ip link set t0 up");
	expect_guest("v0");
	expect_guest("v1");
	expect_guest("t0");
}

static void bridges_and_tunnels_are_not(void **state)
{
	(void)state;
	run_command("ip link add br0 type bridge");
	expect_refusal("br0", "\"bridge\"");
	expect_refusal("lo", "network card");
}

static void a_device_with_an_address_is_the_hosts(void **state)
{
	(void)state;
	a_pair();
	/* IPv6 has given them link-local addresses. */
	expect_guest("v0");
	run_command("ip addr add 192.0.2.1/24 dev v0");
	expect_refusal("v0", "192.0.2.1");
	expect_guest("v1");
	run_command("ip addr del 192.0.2.1/24 dev v0");
	expect_guest("v0");
	run_command("ip addr add 192.0.2.7 peer 192.0.2.8 dev v0");
	expect_refusal("v0", "192.0.2.7");
	run_command("ip addr add 2001:db8::1/64 dev v1 nodad");
	expect_refusal("v1", "2001:db8::1");
}

static void a_device_with_a_default_route_is_the_hosts(void **state)
{
	(void)state;
	a_pair();
	run_command("ip route add 198.51.100.0/24 dev v0");
	expect_guest("v0");
	run_command("ip route add default dev v0");
	expect_refusal("v0", "default route");
	run_command("ip route del default");
	run_command("ip route add default dev v0 table 77");
	expect_refusal("v0", "default route");
	run_command("ip route del default table 77");
	run_command("ip route add default nexthop dev v1 nexthop dev v0");
	expect_refusal("v0", "default route");
	run_command("ip route del default");
	expect_guest("v0");
	run_command("ip -6 route add default dev v1");
	expect_refusal("v1", "default route");
	expect_guest("v0");
}

static void add_device(const char *what)
{
	char command[256], line[256];

	snprintf(command, sizeof(command), "ip link add %s 2>&1", what);
	if (*ask_command(command, line, sizeof(line)))
		fail_msg("%s: %s", command, line);
}

static void a_macvtap_is_a_guests_end_and_its_lower_device_is_not(void **state)
{
	(void)state;
	a_pair();
	add_device("link v0 name m0 type macvtap mode bridge");
	expect_guest("m0");
	expect_guest("v1");
	expect_refusal("v0", "carries m0");
}

static void an_ipvtap_is_a_guests_end(void **state)
{
	(void)state;
	a_pair();
	add_device("link v0 name i0 type ipvtap mode l2");
	expect_guest("i0");
	expect_refusal("v0", "carries i0");
}

static void vlans_and_what_carries_them_are_not(void **state)
{
	(void)state;
	a_pair();
	add_device("link v0 name v0.100 type vlan id 100");
	expect_refusal("v0.100", "\"vlan\"");
	expect_refusal("v0", "carries v0.100");
}

static void bonds_and_their_members_are_not(void **state)
{
	(void)state;
	a_pair();
	add_device("bond0 type bond mode active-backup");
	run_command("ip link set v0 down");
	run_command("ip link set v0 master bond0");
	expect_refusal("bond0", "\"bond\"");
	expect_refusal("v0", "member of a bond");
	expect_guest("v1");
}

static void a_tunnel_is_not(void **state)
{
	(void)state;
	add_device("x0 type vxlan id 7 dstport 4789");
	expect_refusal("x0", "\"vxlan\"");
}

/* Whether this kernel has the kind of device. Its modules are loaded by name: the answer to a
 * device without the lower one that it needs is another error than that of an unknown kind. */
static bool has_kind(const char *kind)
{
	char command[128], line[256];

	snprintf(command, sizeof(command),
		 "ip link add probe0 type %s 2>&1; ip link del probe0 2>&1", kind);
	return !strstr(ask_command(command, line, sizeof(line)), "Unknown device type");
}

#define TEST(function)                                                                             \
	{                                                                                          \
		NULL, cmocka_unit_test_setup(function, enter)                                      \
	}
/* Only on kernels that have this kind of device. */
#define TEST_OF_KIND(kind, function)                                                               \
	{                                                                                          \
		kind, cmocka_unit_test_setup(function, enter)                                      \
	}

static const struct {
	const char *kind;
	struct CMUnitTest test;
} tests[] = {
	TEST(veths_and_taps_are_guests_ends),
	TEST(bridges_and_tunnels_are_not),
	TEST(a_device_with_an_address_is_the_hosts),
	TEST(a_device_with_a_default_route_is_the_hosts),
	TEST_OF_KIND("macvtap", a_macvtap_is_a_guests_end_and_its_lower_device_is_not),
	TEST_OF_KIND("ipvtap", an_ipvtap_is_a_guests_end),
	TEST_OF_KIND("vlan", vlans_and_what_carries_them_are_not),
	TEST_OF_KIND("bond", bonds_and_their_members_are_not),
	TEST_OF_KIND("vxlan", a_tunnel_is_not),
};

int main(void)
{
	struct CMUnitTest chosen[ARRAY_SIZE(tests)];
	size_t count = 0;

	if (unshare(CLONE_NEWNET) < 0) {
		perror("unshare");
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		if (!tests[i].kind || has_kind(tests[i].kind))
			chosen[count++] = tests[i].test;
		else
			printf("# this kernel has no %s: not tried here\n", tests[i].kind);
	}
	fflush(stdout);
	return _cmocka_run_group_tests("guest_end", chosen, count, NULL, NULL);
}
