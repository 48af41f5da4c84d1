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

#include "hostd/base/cleanup.h"
#include "hostd/base/hash.h"
#include "hostd/netlink/netlink.h"

/* The most that the kernel puts into one message (NLMSG_GOODSIZE, netlink dumps). */
#define LINK_NEWS_BYTES 32768

/* Datagrams that are read in one go after messages were lost; the socket keeps some hundreds. */
#define LINK_NEWS_DRAIN 1024

struct known_link {
	unsigned int ifindex;
	char device[IF_NAMESIZE];
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

/* Returns NULL when there is no memory. */
static struct known_link *know_link(struct link_monitor *monitor, unsigned int ifindex,
				    const char *device)
{
	struct known_link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->ifindex = ifindex;
	snprintf(link->device, sizeof(link->device), "%s", device);
	HASH_ADD(hh, monitor->known, ifindex, sizeof(link->ifindex), link);
	if (!was_added(&link->hh)) {
		free(link);
		return NULL;
	}
	return link;
}

/* Adds the device to the known ones; with `quiet` calls no callback. */
static void see_link(struct link_monitor *monitor, unsigned int ifindex, const char *device,
		     bool quiet)
{
	struct known_link *link = find_link(monitor, ifindex);
	bool is_new = !link, is_renamed = link && strcmp(link->device, device) != 0;

	if (is_new)
		link = know_link(monitor, ifindex, device);
	if (!link)
		return;
	link->present = true;
	if (is_new && !quiet)
		monitor->callbacks.appeared(ifindex, device, monitor->context);
	if (!is_renamed)
		return;
	snprintf(link->device, sizeof(link->device), "%s", device);
	monitor->callbacks.renamed(ifindex, device, monitor->context);
}

static void remove_link(struct link_monitor *monitor, unsigned int ifindex)
{
	struct known_link *link = find_link(monitor, ifindex);

	if (link) {
		HASH_DEL(monitor->known, link);
		free(link);
	}
	monitor->callbacks.gone(ifindex, monitor->context);
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

static void handle_link(struct link_monitor *monitor, const struct nlmsghdr *header)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(header);
	struct nlattr *attribute;

	/* Bridges announce a port that leaves them as a "link gone" of their own family. */
	if (mnl_nlmsg_get_payload_len(header) < sizeof(*info) || info->ifi_family != AF_UNSPEC)
		return;
	if (header->nlmsg_type == RTM_DELLINK) {
		remove_link(monitor, (unsigned int)info->ifi_index);
		return;
	}
	mnl_attr_for_each(attribute, header, sizeof(*info))
	{
		if (mnl_attr_get_type(attribute) == IFLA_IFNAME &&
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
			see_link(monitor, (unsigned int)info->ifi_index,
				 mnl_attr_get_str(attribute), false);
	}
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

/* Reports what has come and gone unseen; with `quiet` only learns what there is. */
static void look_at_all(struct link_monitor *monitor, bool quiet)
{
	struct if_nameindex *all = if_nameindex();
	struct known_link *link, *next;

	if (!all)
		return;
	for (link = monitor->known; link; link = link->hh.next)
		link->present = false;
	for (const struct if_nameindex *i = all; i->if_index; i++)
		see_link(monitor, i->if_index, i->if_name, quiet);
	HASH_ITER (hh, monitor->known, link, next) {
		if (!link->present)
			remove_link(monitor, link->ifindex);
	}
	if_freenameindex(all);
}

static void dump_links_again(struct link_monitor *monitor)
{
	look_at_all(monitor, false);
	monitor->callbacks.disturbed(0, monitor->context);
}

int open_link_monitor(const struct link_callbacks *callbacks, void *context,
		      struct link_monitor **ret, struct diag *diag)
{
	_cleanup_(close_link_monitor) struct link_monitor *monitor = calloc(1, sizeof(*monitor));

	if (!monitor)
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	monitor->callbacks = *callbacks;
	monitor->context = context;
	monitor->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!monitor->socket ||
	    mnl_socket_bind(monitor->socket, RTMGRP_LINK | RTMGRP_TC, MNL_SOCKET_AUTOPID) < 0)
		return fail(diag, errno, NULL, 0, "cannot watch network devices: %s",
			    strerror(errno));
	look_at_all(monitor, true);
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
	monitor->lost = false;
	dump_links_again(monitor);
}
