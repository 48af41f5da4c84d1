/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packet sockets and XDP programs on devices.
 */
#include "hostd/enforce/apply/bypass.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/netlink/link_info.h"
#include "hostd/netlink/netlink.h"

/* Of the caller's network namespace, also where the rest of /proc is hidden. */
#define PACKET_SOCKETS "/proc/self/net/packet"

struct list {
	unsigned int *items;
	size_t count;
	int error; /* 0 or -errno */
};

static bool has_item(const unsigned int *items, size_t count, unsigned int ifindex)
{
	for (size_t i = 0; i < count; i++) {
		if (items[i] == ifindex)
			return true;
	}
	return false;
}

static void add_item(struct list *list, unsigned int ifindex)
{
	unsigned int *grown;

	if (list->error || has_item(list->items, list->count, ifindex))
		return;
	grown = reallocarray(list->items, list->count + 1, sizeof(*grown));
	if (!grown) {
		list->error = -ENOMEM;
		return;
	}
	list->items = grown;
	grown[list->count++] = ifindex;
}

/* Takes over the list, or frees it. */
static int replace_list(unsigned int **items, size_t *count, struct list *list)
{
	if (list->error) {
		free(list->items);
		return list->error;
	}
	free(*items);
	*items = list->items;
	*count = list->count;
	return 0;
}

/* A bridge, also Open vSwitch's in the kernel, takes frames after TC ingress. A macvtap's guest
 * sends out of the device: sockets see that after TC egress. */
static bool is_bypassed_by_sockets(unsigned int ifindex)
{
	struct link_info info;

	return read_link_info(ifindex, &info) == 0 && !info.master && !is_reversed_kind(info.kind);
}

static bool parse_number(const char *text, int base, unsigned int *ret)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, base);
	if (errno || end == text || *end || number > UINT_MAX)
		return false;
	*ret = (unsigned int)number;
	return true;
}

/* A line of packet_seq_show() in net/packet/af_packet.c: address, references, type, protocol in
 * hexadecimal digits, ifindex (0: all devices), and more. False for the headline. */
static bool parse_socket(char *line, unsigned int *ret_protocol, unsigned int *ret_ifindex)
{
	char *fields[5], *rest = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strtok_r(i ? NULL : line, " \n", &rest);
		if (!fields[i])
			return false;
	}
	return parse_number(fields[3], 16, ret_protocol) &&
	       parse_number(fields[4], 10, ret_ifindex);
}

/* Devices with a socket for all protocols that is bound to them. */
static void list_packet_sockets(struct list *list)
{
	_cleanup_fclose_ FILE *stream = fopen(PACKET_SOCKETS, "re");
	unsigned int protocol, ifindex;
	char line[256];

	if (!stream) {
		list->error = -errno;
		return;
	}
	while (fgets(line, sizeof(line), stream)) {
		if (parse_socket(line, &protocol, &ifindex) && protocol == ETH_P_ALL && ifindex)
			add_item(list, ifindex);
	}
}

int look_for_packet_sockets(struct bypasses *bypasses)
{
	struct list sockets = {0}, read = {0};

	list_packet_sockets(&sockets);
	for (size_t i = 0; i < sockets.count; i++) {
		if (is_bypassed_by_sockets(sockets.items[i]))
			add_item(&read, sockets.items[i]);
	}
	if (sockets.error)
		read.error = sockets.error;
	free(sockets.items);
	return replace_list(&bypasses->read, &bypasses->read_count, &read);
}

static void note_xdp(const struct nlmsghdr *header, void *context)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
	struct link_info info;

	if (parse_link_info(header, &info) && info.has_xdp)
		add_item(context, (unsigned int)link->ifi_index);
}

int look_for_xdp(struct bypasses *bypasses)
{
	char buffer[64];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct list xdp = {0};
	int r;

	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	r = ask_kernel(request, note_xdp, &xdp);
	if (r < 0)
		xdp.error = r;
	return replace_list(&bypasses->xdp, &bypasses->xdp_count, &xdp);
}

int note_xdp_change(struct bypasses *bypasses, unsigned int ifindex, bool has_xdp)
{
	struct list xdp = {0};

	for (size_t i = 0; i < bypasses->xdp_count; i++) {
		if (bypasses->xdp[i] != ifindex)
			add_item(&xdp, bypasses->xdp[i]);
	}
	if (has_xdp)
		add_item(&xdp, ifindex);
	return replace_list(&bypasses->xdp, &bypasses->xdp_count, &xdp);
}

bool is_read_first(const struct bypasses *bypasses, unsigned int ifindex)
{
	return has_item(bypasses->read, bypasses->read_count, ifindex);
}

const char *find_bypass(const struct bypasses *bypasses, unsigned int ifindex)
{
	if (is_read_first(bypasses, ifindex))
		return "packets from its guest are not filtered: a packet socket takes them from "
		       "the device before vmseg's program (Open vSwitch's userspace datapath, or a "
		       "packet sniffer)";
	if (has_item(bypasses->xdp, bypasses->xdp_count, ifindex))
		return "an XDP program of other software runs before vmseg's programs: packets "
		       "that it redirects are not filtered";
	return NULL;
}

int refuse_bypass(unsigned int ifindex, const char *device, struct diag *diag)
{
	struct list sockets = {0};
	bool bypassed;

	list_packet_sockets(&sockets);
	bypassed =
		has_item(sockets.items, sockets.count, ifindex) && is_bypassed_by_sockets(ifindex);
	free(sockets.items);
	if (!bypassed)
		return 0;
	return fail(
		diag, EOPNOTSUPP, NULL, 0,
		"%s cannot be filtered: a packet socket, such as that of Open vSwitch's userspace "
		"datapath, takes the guest's packets from the device before vmseg's program "
		"(expected a bridge in the kernel, or unfilterable-interfaces = ignore)",
		device);
}

void free_bypasses(struct bypasses *bypasses)
{
	free(bypasses->read);
	free(bypasses->xdp);
	*bypasses = (struct bypasses){0};
}
