/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters, and the reasons that are nobody's but the port's: no record, an image that leads
 * nowhere. (That every frame is counted exactly once is checked by each expectation of every test.)
 */
#include "tests/bpf/bpf_test.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

/* ---- ports ---------------------------------------------------------------------------------- */

static void without_a_port_everything_is_dropped(void **state)
{
	struct rig_port *port = *state;

	withdraw_port(port);
	expect_drop(port, OUT, udp(VM, WEB, 40000, 53), NO_PORT);
	expect_drop(port, IN, arp(ARP_REQUEST, ROUTER, VM), NO_PORT);
	expect_drop(port, OUT, ethernet(VM, ROUTER, 0x88cc, 1), NO_PORT);
	publish_port(port);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
}

static void a_dry_run_says_whose_it_was(void **state)
{
	struct rig_port *port = sibling(*state, 2);
	struct packet packet = udp(VM, WEB, 40000, 53);
	struct dry_run dry = dry_run_frame(port, OUT, &packet);

	assert_int_equal(dry.reason, REASON_NEW);
	assert_int_equal(dry.slot, port->slot);
	assert_int_equal(dry.generation, port->record.generation);
	assert_int_equal(dry.verdict & VERDICT_ALLOW, VERDICT_ALLOW);
	assert_false(dry.has_session);
	expect_pass(port, OUT, packet, NEW);
	dry = dry_run_frame(port, OUT, &packet);
	assert_int_equal(dry.reason, REASON_ESTABLISHED);
	assert_true(dry.has_session);
}

static void nothing_passes_in_quarantine(void **state)
{
	struct rig_port *port = *state;

	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	port->record.flags |= PORT_QUARANTINE;
	publish_port(port);
	expect_drop(port, OUT, udp(VM, WEB, 40000, 53), QUARANTINE);
	expect_drop(port, IN, arp(ARP_REQUEST, ROUTER, VM), QUARANTINE);
	port->record.flags &= ~PORT_QUARANTINE;
	publish_port(port);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), ESTABLISHED);
}

static void an_unreadable_image_drops(void **state)
{
	struct rig_port *port = *state;

	break_image(port);
	expect_drop(port, OUT, udp(VM, WEB, 40000, 53), IMAGE);
	expect_drop(port, IN, tcp(CLIENT6, VM6, 40000, 80, SYN), IMAGE);
	port->record.image = 0xfffffff0;
	publish_port(port);
	expect_drop(port, OUT, udp(VM, WEB, 40000, 53), IMAGE);
	set_defaults(port, false, true);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	break_image(port);
	expect_drop(port, OUT, udp(VM, WEB, 40000, 53), IMAGE);
	expect_pass(port, OUT, arp(ARP_REQUEST, VM, ROUTER), ARP);
}

/* ---- rules ---------------------------------------------------------------------------------- */

static void rules_count_what_they_judge(void **state)
{
	struct rig_port *port = *state;
	struct packet web = tcp(CLIENT, VM, 40000, 80, SYN), ssh = tcp(CLIENT, VM, 40000, 22, SYN);
	struct packet dns = udp(CLIENT, VM, 40000, 53);
	struct counter counter;

	set_policy(port, "<rule direction='in' action='allow'><tcp port='80'/></rule>"
			 "<rule direction='in' action='deny'><tcp port='22'/></rule>");
	expect_pass(port, IN, web, NEW);
	expect_pass(port, IN, web, ESTABLISHED); /* judged once */
	expect_drop(port, IN, ssh, POLICY);
	expect_drop(port, IN, ssh, POLICY);
	expect_drop(port, IN, dns, POLICY);
	expect_drop(port, OUT, sent_by(INTRUDER, udp(VM, WEB, 1, 2)), GUARD_MAC);

	counter = read_rig_rule(port, 1);
	assert_int_equal(counter.packets, 1);
	assert_int_equal(counter.bytes, web.length);
	counter = read_rig_rule(port, 2);
	assert_int_equal(counter.packets, 2);
	assert_int_equal(counter.bytes, 2 * ssh.length);
	counter = read_rig_rule(port, 0);
	assert_int_equal(counter.packets, 1);
	assert_int_equal(counter.bytes, dns.length);
}

/* ---- devices with a large index ------------------------------------------------------------- */

#define HIGH_IFINDEX (PORT_INDEX_ENTRIES + 4464)

/* A device of the test's own network namespace; it goes with the descriptor. */
static int make_device(int ifindex)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -1;
	strcpy(request.ifr_name, "high%d");
	if (ioctl(fd, TUNSETIFINDEX, &ifindex) || ioctl(fd, TUNSETIFF, &request)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void a_device_with_a_large_index_has_its_port(void **state)
{
	struct rig_port *port = *state;
	_cleanup_close_ int device = make_device(HIGH_IFINDEX);

	assert_true(device >= 0);
	set_ifindex(port, HIGH_IFINDEX);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
	expect_drop(port, OUT, sent_by(INTRUDER, udp(VM, WEB, 40000, 53)), GUARD_MAC);
	withdraw_port(port);
	expect_drop(port, OUT, udp(VM, WEB, 40000, 53), NO_PORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(without_a_port_everything_is_dropped),
		rig_test(a_dry_run_says_whose_it_was),
		rig_test(nothing_passes_in_quarantine),
		rig_test(an_unreadable_image_drops),
		rig_test(rules_count_what_they_judge),
		rig_test(a_device_with_a_large_index_has_its_port),
	};

	return run_rig_tests(tests);
}
