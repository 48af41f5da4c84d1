/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The link monitor. The kernel announces every change of a device with the same message as its
 * birth, so the known ones are remembered.
 */
#include "hostd/netlink/link_monitor.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"
#include "hostd/base/hash.h"
#include "hostd/netlink/link_info.h"
#include "hostd/netlink/netlink.h"

/* The most that the kernel puts into one message (NLMSG_GOODSIZE, netlink dumps). */
#define LINK_NEWS_BYTES 32768

/* Datagrams that are read in one go after messages were lost; the socket keeps some hundreds. */
#define LINK_NEWS_DRAIN 1024

#define DUMP_ATTEMPTS 100

struct known_link {
	unsigned int ifindex;
	char device[IF_NAMESIZE];
	bool unheld; /* is_unheld of struct link_info */
	bool has_xdp;
	bool present; /* seen by the look at all devices that is under way */
	UT_hash_handle hh;
};

struct link_monitor {
	struct mnl_socket *socket;
	struct link_callbacks callbacks;
	void *context;
	struct known_link *known;
	bool lost; /* the kernel has dropped messages, and drops more until all others are read */
};

static struct known_link *find_link(struct link_monitor *monitor, unsigned int ifindex)
{
	struct known_link *link;

	HASH_FIND(hh, monitor->known, &ifindex, sizeof(ifindex), link);
	return link;
}

/* What a message says of a device. */
struct link_news {
	unsigned int ifindex;
	char device[IF_NAMESIZE]; /* "": nothing of its name */
	struct link_info info;
};

/* Returns NULL when there is no memory. */
static struct known_link *know_link(struct link_monitor *monitor, const struct link_news *news)
{
	struct known_link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->ifindex = news->ifindex;
	memcpy(link->device, news->device, sizeof(link->device));
	link->unheld = news->info.is_unheld;
	link->has_xdp = news->info.has_xdp;
	HASH_ADD(hh, monitor->known, ifindex, sizeof(link->ifindex), link);
	if (!was_added(&link->hh)) {
		free(link);
		return NULL;
	}
	return link;
}

static void note_name(struct link_monitor *monitor, struct known_link *link, const char *device)
{
	if (strcmp(link->device, device) == 0)
		return;
	memcpy(link->device, device, sizeof(link->device));
	monitor->callbacks.renamed(link->ifindex, link->device, monitor->context);
}

static void note_held(struct link_monitor *monitor, struct known_link *link, bool held)
{
	if (link->unheld != held)
		return;
	link->unheld = !held;
	monitor->callbacks.held(link->ifindex, link->device, held, monitor->context);
}

static void note_xdp(struct link_monitor *monitor, struct known_link *link, bool has_xdp)
{
	if (link->has_xdp == has_xdp)
		return;
	link->has_xdp = has_xdp;
	monitor->callbacks.xdp(link->ifindex, has_xdp, monitor->context);
}

/* Adds the device to the known ones; with `quiet` calls no callback. */
static void see_link(struct link_monitor *monitor, const struct link_news *news, bool quiet)
{
	struct known_link *link = find_link(monitor, news->ifindex);

	if (link) {
		link->present = true;
		note_name(monitor, link, news->device);
		note_held(monitor, link, !news->info.is_unheld);
		note_xdp(monitor, link, news->info.has_xdp);
		return;
	}
	/* Without memory it is new again with the next message. */
	link = know_link(monitor, news);
	if (link)
		link->present = true;
	if (!quiet)
		monitor->callbacks.appeared(news->ifindex, news->device, monitor->context);
}

static void remove_link(struct link_monitor *monitor, unsigned int ifindex, bool moved)
{
	struct known_link *link = find_link(monitor, ifindex);

	if (link) {
		HASH_DEL(monitor->known, link);
		free(link);
	}
	monitor->callbacks.gone(ifindex, moved, monitor->context);
}

static void handle_traffic_control(struct link_monitor *monitor, const struct nlmsghdr *header)
{
	const struct tcmsg *message = mnl_nlmsg_get_payload(header);

	/* The major number of ingress and clsact qdiscs, and of their filters' parents; the root's,
	 * where the others are, looks like it. */
	if (mnl_nlmsg_get_payload_len(header) >= sizeof(*message) &&
	    TC_H_MAJ(message->tcm_parent) == TC_H_MAJ(TC_H_CLSACT) &&
	    message->tcm_parent != TC_H_ROOT)
		monitor->callbacks.disturbed((unsigned int)message->tcm_ifindex, monitor->context);
}

static bool parse_link_news(const struct nlmsghdr *header, struct link_news *ret)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute;

	*ret = (struct link_news){0};
	if (!parse_link_info(header, &ret->info))
		return false;
	ret->ifindex = (unsigned int)link->ifi_index;
	mnl_attr_for_each(attribute, header, sizeof(*link))
	{
		if (mnl_attr_get_type(attribute) == IFLA_IFNAME &&
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
			snprintf(ret->device, sizeof(ret->device), "%s",
				 mnl_attr_get_str(attribute));
	}
	return ret->device[0];
}

/* rtmsg_ifinfo_newnet() in net/core/rtnetlink.c. */
static bool names_new_place(const struct nlmsghdr *header)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, header, sizeof(struct ifinfomsg))
	{
		if (mnl_attr_get_type(attribute) == IFLA_NEW_NETNSID)
			return true;
	}
	return false;
}

static void handle_link(struct link_monitor *monitor, const struct nlmsghdr *header)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
	struct link_news news;

	/* Bridges announce a port that leaves them as a "link gone" of their own family. */
	if (mnl_nlmsg_get_payload_len(header) < sizeof(*link) || link->ifi_family != AF_UNSPEC)
		return;
	if (header->nlmsg_type == RTM_DELLINK)
		remove_link(monitor, (unsigned int)link->ifi_index, names_new_place(header));
	else if (parse_link_news(header, &news))
		see_link(monitor, &news, false);
}

static int handle_message(const struct nlmsghdr *header, void *context)
{
	struct link_monitor *monitor = context;

	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		handle_link(monitor, header);
		break;
	/* Not RTM_NEWQDISC: that is also the answer to whoever asks, told to everybody. A qdisc in
	 * the place of another is announced by the end of the other. */
	case RTM_DELQDISC:
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
		handle_traffic_control(monitor, header);
		break;
	}
	return 0;
}

struct look {
	struct link_news *items;
	size_t count;
	int error; /* 0 or -errno */
};

static void collect_link(const struct nlmsghdr *header, void *context)
{
	struct look *look = context;
	struct link_news news, *grown;

	if (look->error || !parse_link_news(header, &news))
		return;
	grown = grow_array(look->items, look->count, sizeof(*grown));
	if (!grown) {
		look->error = -ENOMEM;
		return;
	}
	look->items = grown;
	grown[look->count++] = news;
}

static int dump_links(struct look *look)
{
	char buffer[64];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	int r = -EINTR;

	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
	/* A dump during which devices change has to be made again. */
	for (unsigned int i = 0; r == -EINTR && i < DUMP_ATTEMPTS; i++) {
		look->count = 0;
		look->error = 0;
		free(TAKE_PTR(look->items));
		r = ask_kernel(request, collect_link, look);
	}
	return r < 0 ? r : look->error;
}

/* Reports what has come and gone unseen; with `quiet` only learns what there is. Returns 0, or
 * -errno and nothing was reported. */
static int look_at_all(struct link_monitor *monitor, bool quiet)
{
	struct look look = {0};
	struct known_link *link, *next;
	int r = dump_links(&look);

	if (r < 0) {
		free(look.items);
		return r;
	}
	for (link = monitor->known; link; link = link->hh.next)
		link->present = false;
	for (size_t i = 0; i < look.count; i++)
		see_link(monitor, &look.items[i], quiet);
	HASH_ITER (hh, monitor->known, link, next) {
		if (!link->present)
			remove_link(monitor, link->ifindex, false);
	}
	free(look.items);
	return 0;
}

int open_link_monitor(const struct link_callbacks *callbacks, void *context,
		      struct link_monitor **ret, struct diag *diag)
{
	_cleanup_(close_link_monitor) struct link_monitor *monitor = calloc(1, sizeof(*monitor));
	int r;

	if (!monitor)
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	monitor->callbacks = *callbacks;
	monitor->context = context;
	monitor->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!monitor->socket ||
	    mnl_socket_bind(monitor->socket, RTMGRP_LINK | RTMGRP_TC, MNL_SOCKET_AUTOPID) < 0)
		return fail(diag, errno, NULL, 0, "cannot watch network devices: %s",
			    strerror(errno));
	r = look_at_all(monitor, true);
	if (r < 0)
		return fail(diag, -r, NULL, 0, "cannot list the network devices: %s", strerror(-r));
	*ret = TAKE_PTR(monitor);
	return 0;
}

void close_link_monitor(struct link_monitor **monitor)
{
	struct known_link *link, *next;

	if (!*monitor)
		return;
	HASH_ITER (hh, (*monitor)->known, link, next) {
		HASH_DEL((*monitor)->known, link);
		free(link);
	}
	if ((*monitor)->socket)
		mnl_socket_close((*monitor)->socket);
	free(*monitor);
	*monitor = NULL;
}

int link_monitor_descriptor(const struct link_monitor *monitor)
{
	return mnl_socket_get_fd(monitor->socket);
}

/* Reads what the kernel has kept. Returns whether all of it is read. */
static bool discard_messages(struct link_monitor *monitor)
{
	char buffer[LINK_NEWS_BYTES];

	for (unsigned int i = 0; i < LINK_NEWS_DRAIN; i++) {
		ssize_t got = receive_from_kernel(link_monitor_descriptor(monitor), buffer,
						  sizeof(buffer));

		if (got == -EAGAIN)
			return true;
	}
	return false;
}

static void receive_messages(struct link_monitor *monitor)
{
	char buffer[LINK_NEWS_BYTES];
	ssize_t got = receive_from_kernel(link_monitor_descriptor(monitor), buffer, sizeof(buffer));

	if (got == -ENOBUFS || got == -EMSGSIZE ||
	    (got > 0 && for_each_netlink_message(buffer, (size_t)got, handle_message, monitor) < 0))
		monitor->lost = true;
}

void read_link_messages(struct link_monitor *monitor)
{
	if (!monitor->lost)
		receive_messages(monitor);
	/* Until everything in the socket is read, the kernel drops further messages without another
	 * error: netlink_overrun() and netlink_rcv_wake() in net/netlink/af_netlink.c. */
	if (!monitor->lost || !discard_messages(monitor))
		return;
	/* If the look fails, it is repeated at the next message. */
	monitor->lost = look_at_all(monitor, false) < 0;
	monitor->callbacks.disturbed(0, monitor->context);
}
