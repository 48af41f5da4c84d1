/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices in a namespace, and frames through them.
 */
#include "tests/harness/netns.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/attachment/attach.h"
#include "hostd/datapath/datapath.h"
#include "hostd/datapath/objects/discard.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/datapath/ports/update.h"
#include "hostd/datapath/queries/port_stats.h"
#include "hostd/datapath/queries/session_query.h"
#include "hostd/datapath/remove_datapath.h"
#include "tests/harness/test.h"

/* IEEE 802's number for local experiments. */
#define MARKER_ETHERTYPE 0x88b5

/* A mount of the test's own; what was mounted there is covered for this process only. */
#define BPFFS      "/sys/fs/bpf"
#define PINS       BPFFS "/vmseg"
#define SYSCTL_NET "/proc/sys/net"

/* ---- commands ------------------------------------------------------------------------------- */

void run_command(const char *format, ...)
{
	char command[512];
	va_list arguments;
	int r;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	r = system(command);
	if (r)
		fail_msg("status %d: %s", r, command);
}

const char *ask_command(const char *command, char *line, size_t size)
{
	FILE *output = popen(command, "re");

	if (!output)
		fail_msg("%s: %s", command, strerror(errno));
	line[0] = '\0';
	if (fgets(line, (int)size, output))
		line[strcspn(line, "\n")] = '\0';
	pclose(output);
	return line;
}

/* ---- namespaces ----------------------------------------------------------------------------- */

/* Frames of the kernel's own would get in between. */
static void silence_devices(void)
{
	FILE *file = fopen(SYSCTL_NET "/ipv6/conf/default/disable_ipv6", "we");

	if (!file)
		return; /* a kernel without IPv6 is silent */
	fputs("1\n", file);
	fclose(file);
}

int enter_netns(void **state)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bpf", BPFFS, "bpf", 0, NULL) < 0)
		return print_error("namespaces: %s (root only)\n", strerror(errno)), -1;
	silence_devices();
	run_command("ip link set lo up");
	return 0;
}

int run_tests_in_netns(const struct CMUnitTest *tests, size_t count)
{
	_cleanup_free_ struct CMUnitTest *chosen = calloc(count, sizeof(*chosen));
	size_t chosen_count = 0;

	for (size_t i = 0; i < count; i++) {
		const enum attach_method *method = tests[i].initial_state;

		if (!method || is_attach_supported(*method))
			chosen[chosen_count++] = tests[i];
	}
	if (chosen_count < count)
		printf("# %zu tests of attachments that this kernel does not have are left out\n",
		       count - chosen_count);
	return _cmocka_run_group_tests("netns", chosen, chosen_count, enter_netns, NULL);
}

/* ---- devices -------------------------------------------------------------------------------- */

static int open_end(const char *device)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail_msg("%s: %s", device, strerror(errno));
	return fd;
}

static void remove_devices(void)
{
	run_command("for d in tap0 out0 br0; do ip link del $d 2>/dev/null; done; true");
}

static void make_devices(struct netns *netns)
{
	remove_devices(); /* of a test that did not get as far as its end */
	run_command("ip link add br0 type bridge mcast_snooping 0 forward_delay 0");
	run_command("ip link add tap0 type veth peer name vm0");
	run_command("ip link add out0 type veth peer name net0");
	run_command("ip link set tap0 master br0 && ip link set out0 master br0");
	run_command("for d in br0 vm0 net0 tap0 out0; do ip link set $d up || exit; done");
	netns->tap = if_nametoindex("tap0");
	netns->vm = open_end("vm0");
	netns->net = open_end("net0");
}

static const struct datapath_config default_config = {
	.bpffs = PINS,
	.sizes.max_ports = 4,
	.sizes.policy_nodes = 4096,
	.sizes.rule_counters = 256,
	.sizes.ring_bytes = 65536,
	.live.timeout =
		{
#define STATE(identifier, name, seconds, source) [STATE_##identifier] = (seconds),
#include "bpf/states.def"
#undef STATE
		},
	.live.event_rate = 100,
	.live.event_burst = 100,
};

int make_netns(void **state)
{
	const enum attach_method *method = *state;
	struct netns *netns = calloc(1, sizeof(*netns));

	assert_non_null(netns);
	netns->config = default_config;
	netns->config.attach = method ? *method : ATTACH_AUTO;
	netns->port.limits[LIMIT_SESSIONS] = 1000;
	memcpy(netns->port.mac, VM->mac, MAC_BYTES);
	make_devices(netns);
	open_case(&netns->policy);
	set_netns_policy(netns, DENY_ALL);
	open_netns_datapath(netns);
	*state = netns;
	return 0;
}

int drop_netns(void **state)
{
	struct netns *netns = *state;

	close_datapath(&netns->datapath);
	close(netns->vm);
	close(netns->net);
	remove_devices();
	if (remove_datapath(PINS, &netns->diag) < 0)
		fail_msg("remove_datapath: %s", netns->diag.error.text);
	clear_diag(&netns->diag);
	close_case(&netns->policy);
	free(netns);
	return 0;
}

/* ---- datapath ------------------------------------------------------------------------------- */

void close_netns_datapath(struct netns *netns)
{
	close_datapath(&netns->datapath);
}

void open_netns_datapath(struct netns *netns)
{
	int r = open_datapath(&netns->config, &netns->datapath, &netns->diag);

	if (r < 0)
		fail_msg("open_datapath: %d: %s", r, netns->diag.error.text);
}

void set_netns_policy(struct netns *netns, const char *content)
{
	compile_case(&netns->policy, content);
}

void attach_tap(struct netns *netns)
{
	int r = attach_port(netns->datapath, netns->tap, &netns->port, netns->policy.image,
			    &netns->diag);

	if (r < 0)
		fail_msg("attach_port: %d: %s", r, netns->diag.error.text);
}

void tidy_netns_datapath(struct netns *netns)
{
	while (has_discarded_slots(netns->datapath))
		free_discarded_slot(netns->datapath);
}

void detach_tap(struct netns *netns)
{
	int r = detach_port(netns->datapath, netns->tap);

	if (r < 0)
		fail_msg("detach_port: %d", r);
	tidy_netns_datapath(netns);
}

void update_tap(struct netns *netns)
{
	int r = update_port(netns->datapath, netns->tap, &netns->port, netns->policy.image,
			    &netns->diag);

	if (r < 0)
		fail_msg("update_port: %d: %s", r, netns->diag.error.text);
}

uint64_t count_reason(const struct netns *netns, enum direction direction, enum reason reason)
{
	struct port_stats stats;

	assert_int_equal(read_port_stats(netns->datapath, netns->tap, &stats), 0);
	return stats.by_reason[direction][reason].packets;
}

static void count_one(const struct session_view *view, void *context)
{
	++*(uint32_t *)context;
}

uint32_t count_live_sessions(const struct netns *netns)
{
	uint32_t count = 0, place = 0;

	do
		assert_int_equal(page_sessions(netns->datapath, netns->tap, 1000, &place, count_one,
					       &count),
				 0);
	while (place != 0);
	return count;
}

unsigned int count_remains(const struct netns *netns)
{
	char line[32];

	return (unsigned int)strtoul(ask_command("{ bpftool net show | grep -E 'from_vm|to_vm'; "
						 "  find " PINS " 2>/dev/null; "
						 "  tc qdisc show | grep -w clsact; } | wc -l",
						 line, sizeof(line)),
				     NULL, 10);
}

/* ---- frames --------------------------------------------------------------------------------- */

static void send_packet(int end, const struct packet *packet)
{
	if (send(end, packet->bytes, packet->length, 0) != packet->length)
		fail_msg("send: %s", strerror(errno));
}

static bool is_frame(const uint8_t *bytes, ssize_t size, const struct packet *packet)
{
	return size == packet->length && !memcmp(bytes, packet->bytes, packet->length);
}

bool crosses(const struct netns *netns, enum direction direction, struct packet packet)
{
	int from = direction == DIRECTION_OUT ? netns->vm : netns->net;
	int to = direction == DIRECTION_OUT ? netns->net : netns->vm;
	const struct host *sender = direction == DIRECTION_OUT ? VM : WEB;
	/* Each of another length, so that none is taken for another. */
	static size_t markers;
	struct packet marker = ethernet(sender, BROADCAST, MARKER_ETHERTYPE, 46 + markers++ % 1000);
	struct timeval patience = {.tv_sec = 10};
	uint8_t bytes[PACKET_BYTES_MAX];
	bool seen = false;

	setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	send_packet(from, &packet);
	send_packet(from, &marker);
	for (;;) {
		ssize_t size = recv(to, bytes, sizeof(bytes), 0);

		if (size < 0)
			fail_msg("nothing crosses any more: %s", strerror(errno));
		if (is_frame(bytes, size, &packet))
			seen = true;
		if (is_frame(bytes, size, &marker))
			return seen;
	}
}
