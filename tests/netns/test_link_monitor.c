/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * News about devices, in a network namespace of the test's own.
 */
#include <sched.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostd/netlink/link_info.h"
#include "hostd/netlink/link_monitor.h"
#include "hostd/netlink/netlink.h"
#include "hostd/netlink/qdisc.h"
#include "tests/harness/test.h"

struct news {
	char appeared[4096]; /* names, a blank after each */
	unsigned int gone[64];
	size_t gone_count;
	size_t moved_count;
	size_t opened_count, closed_count; /* taps */
	int xdp_count;
	size_t appeared_count;
	char renamed[4096]; /* likewise */
	unsigned int disturbed[64];
	size_t disturbed_count;
};

static void note_appeared(unsigned int ifindex, const char *device, void *context)
{
	struct news *news = context;

	(void)ifindex;
	news->appeared_count++;
	if (strlen(news->appeared) + strlen(device) + 2 < sizeof(news->appeared)) {
		strcat(news->appeared, device);
		strcat(news->appeared, " ");
	}
}

static void note_renamed(unsigned int ifindex, const char *device, void *context)
{
	struct news *news = context;

	assert_int_equal(ifindex, if_nametoindex(device));
	strcat(news->renamed, device);
	strcat(news->renamed, " ");
}

static void note_gone(unsigned int ifindex, bool moved, void *context)
{
	struct news *news = context;

	news->moved_count += moved;
	if (news->gone_count < 64)
		news->gone[news->gone_count++] = ifindex;
}

static void note_held(unsigned int ifindex, const char *device, bool held, void *context)
{
	struct news *news = context;

	assert_int_equal(ifindex, if_nametoindex(device));
	if (held)
		news->opened_count++;
	else
		news->closed_count++;
}

static void note_xdp(unsigned int ifindex, bool has_xdp, void *context)
{
	struct news *news = context;

	(void)ifindex;
	news->xdp_count += has_xdp ? 1 : -1;
}

static void note_disturbed(unsigned int ifindex, void *context)
{
	struct news *news = context;

	if (news->disturbed_count < 64)
		news->disturbed[news->disturbed_count++] = ifindex;
}

static struct link_monitor *open_monitor(struct news *news)
{
	static const struct link_callbacks callbacks = {note_appeared, note_renamed,
							note_gone,     note_held,
							note_xdp,      note_disturbed};
	struct link_monitor *monitor = NULL;

	assert_int_equal(open_link_monitor(&callbacks, news, &monitor, NULL), 0);
	return monitor;
}

static void run(const char *command)
{
	assert_int_equal(system(command), 0);
}

/* The kernel has queued its messages by the time that the command has ended. */
static void read_all(struct link_monitor *monitor)
{
	struct pollfd pollfd = {.fd = link_monitor_descriptor(monitor), .events = POLLIN};

	while (poll(&pollfd, 1, 0) > 0)
		read_link_messages(monitor);
}

static bool was_gone(const struct news *news, unsigned int ifindex)
{
	for (size_t i = 0; i < news->gone_count; i++) {
		if (news->gone[i] == ifindex)
			return true;
	}
	return false;
}

static bool was_disturbed(const struct news *news, unsigned int ifindex)
{
	for (size_t i = 0; i < news->disturbed_count; i++) {
		if (news->disturbed[i] == ifindex)
			return true;
	}
	return false;
}

static int make_namespace(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET);
}

static void a_device_appears_once(void **state)
{
	struct news news = {0};
	struct link_monitor *monitor;

	(void)state;
	run("ip link add old0 type veth peer name old1");
	monitor = open_monitor(&news);
	run("ip link add new0 type veth peer name new1");
	/* Every one of these is announced with the message of a birth. */
	run("ip link set new0 up && ip link set new0 promisc on && ip link set new0 mtu 1400");
	run("ip link set old0 up");
	read_all(monitor);
	assert_int_equal(news.appeared_count, 2);
	assert_non_null(strstr(news.appeared, "new0 "));
	assert_non_null(strstr(news.appeared, "new1 "));
	assert_int_equal(news.gone_count, 0);
	close_link_monitor(&monitor);
	assert_null(monitor);
	run("ip link del old0 && ip link del new0");
}

static void a_device_is_gone_when_it_is_and_not_when_it_leaves_a_bridge(void **state)
{
	struct link_monitor *monitor;
	struct news news = {0};
	unsigned int ifindex;

	(void)state;
	run("ip link add br0 type bridge && ip link add port0 type veth peer name port1");
	ifindex = if_nametoindex("port0");
	monitor = open_monitor(&news);
	run("ip link set port0 master br0 && ip link set port0 nomaster");
	read_all(monitor);
	assert_int_equal(news.gone_count, 0);
	run("ip link del port0");
	read_all(monitor);
	assert_true(was_gone(&news, ifindex));
	close_link_monitor(&monitor);
	run("ip link del br0");
}

static void a_new_name_is_told_once(void **state)
{
	struct link_monitor *monitor;
	struct news news = {0};

	(void)state;
	run("ip link add old0 type veth peer name old1");
	monitor = open_monitor(&news);
	run("ip link set old0 name other0 && ip link set other0 up");
	read_all(monitor);
	assert_string_equal(news.renamed, "other0 ");
	assert_int_equal(news.appeared_count, 0);
	close_link_monitor(&monitor);
	run("ip link del other0");
}

static void a_device_that_leaves_the_namespace_is_gone(void **state)
{
	struct link_monitor *monitor;
	struct news news = {0};
	unsigned int ifindex;

	(void)state;
	run("ip link add stay0 type veth peer name leave0");
	ifindex = if_nametoindex("leave0");
	monitor = open_monitor(&news);
	run("unshare --net sleep 60 & pid=$!; until [ \"$(readlink /proc/$pid/ns/net)\" != "
	    "\"$(readlink /proc/self/ns/net)\" ]; do sleep 0.01; done; "
	    "ip link set leave0 netns $pid; kill $pid; wait $pid 2>/dev/null; true");
	read_all(monitor);
	assert_true(was_gone(&news, ifindex));
	assert_int_equal(news.moved_count, 1);
	run("ip link del stay0 2>/dev/null; ip link add end0 type veth peer name end1 && ip link "
	    "del end0");
	read_all(monitor);
	assert_int_equal(news.moved_count, 1);
	close_link_monitor(&monitor);
}

static int open_tap(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	return fd;
}

/* The kernel tells of a carrier a moment after it has changed. */
static void read_until(struct link_monitor *monitor, const size_t *count, size_t expected)
{
	struct pollfd pollfd = {.fd = link_monitor_descriptor(monitor), .events = POLLIN};

	while (*count < expected && poll(&pollfd, 1, 60 * 1000) > 0)
		read_link_messages(monitor);
	assert_int_equal(*count, expected);
}

static void a_tap_is_opened_and_closed(void **state)
{
	struct link_monitor *monitor;
	struct news news = {0};
	int fd;

	(void)state;
	run("ip tuntap add held0 mode tap && ip link set held0 up");
	monitor = open_monitor(&news);
	fd = open_tap("held0");
	read_until(monitor, &news.opened_count, 1);
	assert_int_equal(news.appeared_count, 0);
	close(fd);
	read_until(monitor, &news.closed_count, 1);
	fd = open_tap("held0");
	read_until(monitor, &news.opened_count, 2);
	close(fd);
	close_link_monitor(&monitor);
	run("ip link del held0");
}

/* The kernel does not tell of it while the tap is down. */
static void a_tap_that_is_opened_while_it_is_down_is_told_when_it_is_up(void **state)
{
	struct link_monitor *monitor;
	struct news news = {0};
	int fd;

	(void)state;
	run("ip tuntap add held1 mode tap && ip link set held1 up");
	fd = open_tap("held1");
	monitor = open_monitor(&news);
	run("ip link set held1 down");
	close(fd);
	fd = open_tap("held1");
	read_until(monitor, &news.closed_count, 1);
	assert_int_equal(news.opened_count, 0);
	run("ip link set held1 up");
	read_until(monitor, &news.opened_count, 1);
	close(fd);
	read_until(monitor, &news.closed_count, 2);
	close_link_monitor(&monitor);
	run("ip link del held1");
}

/* As `ip link set DEVICE xdpgeneric` does; what a bpf_link attaches is not told. */
static void an_xdp_program_is_told(void **state)
{
	static const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", pass, 2, NULL);
	struct link_monitor *monitor;
	struct news news = {0};
	int ifindex;

	(void)state;
	assert_true(program >= 0);
	/* netdev_state_change() in net/core/dev.c tells of devices that are up. */
	run("ip link add xdp0 type veth peer name xdp1 && ip link set xdp0 up");
	ifindex = (int)if_nametoindex("xdp0");
	monitor = open_monitor(&news);
	assert_int_equal(bpf_xdp_attach(ifindex, program, XDP_FLAGS_SKB_MODE, NULL), 0);
	read_all(monitor);
	assert_int_equal(news.xdp_count, 1);
	run("ip link set xdp0 mtu 1400");
	read_all(monitor);
	assert_int_equal(news.xdp_count, 1);
	assert_int_equal(bpf_xdp_attach(ifindex, -1, XDP_FLAGS_SKB_MODE, NULL), 0);
	read_all(monitor);
	assert_int_equal(news.xdp_count, 0);
	close_link_monitor(&monitor);
	close(program);
	run("ip link del xdp0");
}

static void qdiscs_and_filters_are_told_where_programs_are(void **state)
{
	struct link_monitor *monitor;
	struct news news = {0};
	unsigned int ifindex;

	(void)state;
	run("ip link add port0 type veth peer name port1");
	ifindex = if_nametoindex("port0");
	monitor = open_monitor(&news);
	run("tc qdisc add dev port1 root handle 1: htb && tc qdisc del dev port1 root");
	read_all(monitor);
	assert_int_equal(news.disturbed_count, 0);
	run("tc qdisc add dev port0 clsact");
	run("tc filter add dev port0 egress protocol all u32 match u32 0 0 classid 1:1");
	read_all(monitor);
	assert_true(was_disturbed(&news, ifindex));
	news.disturbed_count = 0;
	run("tc filter del dev port0 egress");
	read_all(monitor);
	assert_true(was_disturbed(&news, ifindex));
	news.disturbed_count = 0;
	run("tc qdisc del dev port0 clsact");
	read_all(monitor);
	assert_true(was_disturbed(&news, ifindex));
	assert_false(was_disturbed(&news, 0));
	close_link_monitor(&monitor);
	run("ip link del port0");
}

/* The kernel tells everybody the answer to such a question: whoever asks when told would do so for
 * ever. */
static void a_question_is_no_news(void **state)
{
	char kind[QDISC_KIND_BYTES];
	struct link_monitor *monitor;
	struct news news = {0};

	(void)state;
	run("ip link add port0 type veth peer name port1 && tc qdisc add dev port0 clsact");
	monitor = open_monitor(&news);
	assert_int_equal(read_ingress_qdisc(if_nametoindex("port0"), kind), 0);
	assert_string_equal(kind, "clsact");
	read_all(monitor);
	assert_int_equal(news.disturbed_count, 0);
	close_link_monitor(&monitor);
	run("ip link del port0");
}

/* More news than the socket holds: what was dropped is found by looking. */
static void lost_news_is_made_up_for(void **state)
{
	struct link_monitor *monitor;
	struct news news = {0};
	unsigned int ifindex;

	(void)state;
	run("ip link add doomed0 type veth peer name doomed1");
	ifindex = if_nametoindex("doomed0");
	monitor = open_monitor(&news);
	run("ip link add busy0 type veth peer name busy1; "
	    "for i in $(seq 300); do echo link set busy0 mtu $((1000 + i)); done | ip -batch -; "
	    "ip link del doomed0; ip link add late0 type veth peer name late1");
	read_all(monitor);
	assert_true(was_gone(&news, ifindex));
	assert_non_null(strstr(news.appeared, "late0 "));
	assert_int_equal(news.appeared_count, 4);
	assert_true(was_disturbed(&news, 0));
	close_link_monitor(&monitor);
	run("ip link del busy0 && ip link del late0");
}

/* The kernel goes on dropping, and says no more, until all that it has kept is read. */
static void news_is_not_lost_while_lost_news_is_made_up_for(void **state)
{
	struct link_monitor *monitor;
	struct news news = {0};

	(void)state;
	monitor = open_monitor(&news);
	run("ip link add busy0 type veth peer name busy1; "
	    "for i in $(seq 3000); do echo link set busy0 mtu $((1000 + i % 400)); done | "
	    "ip -batch -");
	read_link_messages(monitor);
	run("ip link add late0 type veth peer name late1");
	read_all(monitor);
	assert_non_null(strstr(news.appeared, "late0 "));
	close_link_monitor(&monitor);
	run("ip link del busy0 && ip link del late0");
}

/* ---- messages that are not the kernel's ----------------------------------------------------- */

/* As any process with CAP_NET_ADMIN can: to the port id that the monitor's socket has. */
static void forge(struct link_monitor *monitor, const void *datagram, size_t size)
{
	struct sockaddr_nl monitors = {0}, own = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	socklen_t length = sizeof(monitors);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(getsockname(link_monitor_descriptor(monitor), (struct sockaddr *)&monitors,
				     &length),
			 0);
	assert_int_equal(sendto(fd, datagram, size, 0, (struct sockaddr *)&monitors, length), size);
	close(fd);
}

static void forge_link_message(struct link_monitor *monitor, uint16_t type, unsigned int ifindex,
			       uint32_t length)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} message = {
		.header = {.nlmsg_len = length, .nlmsg_type = type},
		.link = {.ifi_index = (int)ifindex},
	};

	forge(monitor, &message, sizeof(message));
}

static void only_the_kernel_is_believed(void **state)
{
	uint32_t whole = NLMSG_LENGTH(sizeof(struct ifinfomsg));
	struct link_monitor *monitor;
	struct news news = {0};
	unsigned int ifindex;

	(void)state;
	run("ip link add port0 type veth peer name port1");
	ifindex = if_nametoindex("port0");
	monitor = open_monitor(&news);
	forge_link_message(monitor, RTM_DELLINK, ifindex, whole);
	forge_link_message(monitor, RTM_DELLINK, ifindex, UINT32_MAX);
	forge_link_message(monitor, RTM_NEWLINK, ifindex, 0);
	forge(monitor, "", 1);
	read_all(monitor);
	assert_int_equal(news.gone_count, 0);
	assert_int_equal(news.appeared_count, 0);
	/* Nor does what is forged count as news that was lost. */
	assert_int_equal(news.disturbed_count, 0);
	run("ip link del port0");
	read_all(monitor);
	assert_true(was_gone(&news, ifindex));
	close_link_monitor(&monitor);
}

static int count_message(const struct nlmsghdr *header, void *context)
{
	int *count = context;

	(void)header;
	++*count;
	return 0;
}

static int end_at_once(const struct nlmsghdr *header, void *context)
{
	count_message(header, context);
	return -ECANCELED;
}

static void no_length_is_believed(void **state)
{
	static const uint32_t bad[] = {0,          1,          NLMSG_HDRLEN - 1, NLMSG_HDRLEN + 1,
				       0x7fffffff, 0x80000000, 0xfffffff0,       0xffffffff};
	struct nlmsghdr messages[3] = {0};
	int count = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		messages[i].nlmsg_len = NLMSG_HDRLEN;
	assert_int_equal(for_each_netlink_message(messages, 0, count_message, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(for_each_netlink_message(messages, sizeof(messages), count_message,
						  &count),
			 0);
	assert_int_equal(count, 3);
	count = 0;
	assert_int_equal(for_each_netlink_message(messages, sizeof(messages), end_at_once, &count),
			 -ECANCELED);
	assert_int_equal(count, 1);
	/* The last message may end without padding. */
	count = 0;
	messages[1].nlmsg_len = NLMSG_HDRLEN + 1;
	assert_int_equal(for_each_netlink_message(messages, 2 * NLMSG_HDRLEN + 1, count_message,
						  &count),
			 0);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		count = 0;
		messages[1].nlmsg_len = bad[i];
		assert_int_equal(for_each_netlink_message(messages, 2 * sizeof(messages[0]),
							  count_message, &count),
				 -EBADMSG);
		assert_int_equal(count, 1);
	}
	assert_int_equal(for_each_netlink_message(messages, NLMSG_HDRLEN - 1, count_message,
						  &count),
			 -EBADMSG);
}

static void the_kernels_errors_are_passed_on(void **state)
{
	struct link_info info;
	char kind[QDISC_KIND_BYTES];

	(void)state;
	assert_int_equal(read_link_info(INT32_MAX, &info), -ENODEV);
	assert_int_equal(read_ingress_qdisc(INT32_MAX, kind), -ENODEV);
	assert_int_equal(read_link_info(1, &info), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_appears_once),
		cmocka_unit_test(a_device_is_gone_when_it_is_and_not_when_it_leaves_a_bridge),
		cmocka_unit_test(a_new_name_is_told_once),
		cmocka_unit_test(a_device_that_leaves_the_namespace_is_gone),
		cmocka_unit_test(a_tap_is_opened_and_closed),
		cmocka_unit_test(a_tap_that_is_opened_while_it_is_down_is_told_when_it_is_up),
		cmocka_unit_test(an_xdp_program_is_told),
		cmocka_unit_test(qdiscs_and_filters_are_told_where_programs_are),
		cmocka_unit_test(a_question_is_no_news),
		cmocka_unit_test(lost_news_is_made_up_for),
		cmocka_unit_test(only_the_kernel_is_believed),
		cmocka_unit_test(no_length_is_believed),
		cmocka_unit_test(the_kernels_errors_are_passed_on),
		cmocka_unit_test(news_is_not_lost_while_lost_news_is_made_up_for),
	};

	return cmocka_run_group_tests(tests, make_namespace, NULL);
}
