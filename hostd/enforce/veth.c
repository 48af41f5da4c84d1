/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking rtnetlink for the other end of a veth.
 */
#include "hostd/enforce/veth.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "hostd/base/cleanup.h"

/* One device's description fits in the kernel's NLMSG_GOODSIZE, which is at most 8 KiB. */
#define ANSWER_BYTES 16384

static void close_socket(struct mnl_socket **socket)
{
	if (*socket)
		mnl_socket_close(*socket);
}

/* The other end's number counts in this network namespace unless IFLA_LINK_NETNSID says another. */
static int note_peer(const struct nlmsghdr *header, void *context)
{
	const struct nlattr *attribute;
	unsigned int *peer = context;

	mnl_attr_for_each(attribute, header, sizeof(struct ifinfomsg))
	{
		if (mnl_attr_get_type(attribute) == IFLA_LINK)
			*peer = mnl_attr_get_u32(attribute);
		if (mnl_attr_get_type(attribute) == IFLA_LINK_NETNSID) {
			*peer = 0;
			break;
		}
	}
	return MNL_CB_OK;
}

/* 0: there is none here. */
static unsigned int find_peer(unsigned int ifindex)
{
	_cleanup_(close_socket) struct mnl_socket *socket =
		mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buffer[ANSWER_BYTES];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
	unsigned int peer = 0;
	ssize_t size;

	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST;
	link->ifi_index = (int)ifindex;
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return 0;
	size = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	if (size < 0 || mnl_cb_run(buffer, (size_t)size, 0, mnl_socket_get_portid(socket),
				   note_peer, &peer) < 0)
		return 0;
	return peer;
}

void find_veth_targets(struct domain *domain)
{
	for (size_t i = 0; i < domain->interface_count; i++) {
		struct domain_interface *interface = &domain->interfaces[i];
		unsigned int guest_end, peer;
		char name[IF_NAMESIZE];

		if (interface->target || !interface->guest_end)
			continue;
		guest_end = if_nametoindex(interface->guest_end);
		peer = guest_end ? find_peer(guest_end) : 0;
		if (peer && if_indextoname(peer, name))
			interface->target = strdup(name);
	}
}
