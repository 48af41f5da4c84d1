/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What rtnetlink tells of a device's part in the host's own network.
 */
#include "hostd/enforce/apply/guest_end.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/netlink/link_info.h"
#include "hostd/netlink/netlink.h"

#define FORCE_HINT                                                                                 \
	"a filter on it could cut off other guests or the host (use --force to attach it anyway)"

/* What is looked for, and what was found. */
struct search {
	unsigned int ifindex;
	char found[INET6_ADDRSTRLEN]; /* an address, or the name of a device; "": nothing */
	bool has_route;
};

/* Room for a request with its family's header and an attribute. */
#define REQUEST_BYTES 128

/* Dumps that devices or routes which come and go have spoilt are begun anew so often. */
#define ATTEMPTS 5

/* *ret_header is the family's header of that size, zeroed. */
static struct nlmsghdr *begin_dump(char buffer[static REQUEST_BYTES], uint16_t type,
				   size_t header_size, void **ret_header)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	*ret_header = mnl_nlmsg_put_extra_header(request, header_size);
	return request;
}

static int dump(struct nlmsghdr *request,
		void (*visit)(const struct nlmsghdr *header, void *context), struct search *search)
{
	int r = -EINTR;

	for (unsigned int i = 0; r == -EINTR && i < ATTEMPTS; i++)
		r = ask_kernel(request, visit, search);
	return r;
}

/* ---- addresses ------------------------------------------------------------------------------ */

static void note_address(const struct nlmsghdr *header, void *context)
{
	const struct ifaddrmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute;
	struct search *search = context;
	const void *address = NULL;

	if (header->nlmsg_type != RTM_NEWADDR || message->ifa_index != search->ifindex)
		return;
	mnl_attr_for_each(attribute, header, sizeof(*message))
	{
		/* IFA_ADDRESS of a point-to-point device is the other end's. */
		if (mnl_attr_get_type(attribute) == IFA_LOCAL ||
		    (mnl_attr_get_type(attribute) == IFA_ADDRESS && !address))
			address = mnl_attr_get_payload(attribute);
	}
	/* Every device gets one of these by itself. */
	if (!address || (message->ifa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(address)))
		return;
	inet_ntop(message->ifa_family, address, search->found, sizeof(search->found));
}

static int find_address(struct search *search)
{
	char buffer[REQUEST_BYTES];
	void *header;
	struct nlmsghdr *request =
		begin_dump(buffer, RTM_GETADDR, sizeof(struct ifaddrmsg), &header);
	struct ifaddrmsg *message = header;

	message->ifa_index = search->ifindex;
	return dump(request, note_address, search);
}

/* ---- default routes ------------------------------------------------------------------------- */

static bool has_next_hop(const struct nlattr *hops, unsigned int ifindex)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(hops);
	size_t left = mnl_attr_get_payload_len(hops);

	while (left >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) && hop->rtnh_len <= left) {
		if ((unsigned int)hop->rtnh_ifindex == ifindex)
			return true;
		if ((size_t)RTNH_ALIGN(hop->rtnh_len) > left)
			break;
		left -= (size_t)RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return false;
}

static void note_route(const struct nlmsghdr *header, void *context)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute;
	struct search *search = context;

	if (header->nlmsg_type != RTM_NEWROUTE || route->rtm_dst_len > 0 ||
	    route->rtm_type != RTN_UNICAST)
		return;
	mnl_attr_for_each(attribute, header, sizeof(*route))
	{
		if ((mnl_attr_get_type(attribute) == RTA_OIF &&
		     mnl_attr_get_u32(attribute) == search->ifindex) ||
		    (mnl_attr_get_type(attribute) == RTA_MULTIPATH &&
		     has_next_hop(attribute, search->ifindex)))
			search->has_route = true;
	}
}

static int find_default_route(uint8_t family, struct search *search)
{
	char buffer[REQUEST_BYTES];
	void *header;
	struct nlmsghdr *request = begin_dump(buffer, RTM_GETROUTE, sizeof(struct rtmsg), &header);
	struct rtmsg *route = header;

	route->rtm_family = family;
	/* The kernel then leaves out what goes elsewhere, which may be very many. */
	mnl_attr_put_u32(request, RTA_OIF, search->ifindex);
	return dump(request, note_route, search);
}

/* ---- devices on top of it ------------------------------------------------------------------- */

static void note_upper(const struct nlmsghdr *header, void *context)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute;
	struct search *search = context;
	const char *name = "";
	bool is_upper = false;
	struct link_info info;

	mnl_attr_for_each(attribute, header, sizeof(*link))
	{
		if (mnl_attr_get_type(attribute) == IFLA_IFNAME &&
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
			name = mnl_attr_get_str(attribute);
		if (mnl_attr_get_type(attribute) == IFLA_LINK)
			is_upper = mnl_attr_get_u32(attribute) == search->ifindex;
		/* The number counts elsewhere. */
		if (mnl_attr_get_type(attribute) == IFLA_LINK_NETNSID)
			return;
	}
	if (!is_upper || (unsigned int)link->ifi_index == search->ifindex)
		return;
	/* A veth's other end is beside it, not on top. */
	if (read_link_info((unsigned int)link->ifi_index, &info) == 0 &&
	    strcmp(info.kind, "veth") != 0)
		snprintf(search->found, sizeof(search->found), "%s", name);
}

static int find_upper(struct search *search)
{
	char buffer[REQUEST_BYTES];
	void *header;

	return dump(begin_dump(buffer, RTM_GETLINK, sizeof(struct ifinfomsg), &header), note_upper,
		    search);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int refuse_kind(const struct link_info *info, const char *device, struct diag *diag)
{
	static const char *const bonds[] = {"bond", "team"};

	if (!info->kind[0])
		return fail(
			diag, EINVAL, NULL, 0,
			"%s is a network card of the host, not the device of a guest: " FORCE_HINT,
			device);
	if (!is_guest_kind(info->kind))
		return fail(diag, EINVAL, NULL, 0,
			    "%s is a device of kind \"%s\", not the device of a guest: " FORCE_HINT,
			    device, info->kind);
	for (size_t i = 0; i < ARRAY_SIZE(bonds); i++) {
		if (strcmp(info->master_kind, bonds[i]) == 0)
			return fail(
				diag, EINVAL, NULL, 0,
				"%s is a member of a %s, not the device of a guest: " FORCE_HINT,
				device, bonds[i]);
	}
	return 0;
}

static int refuse_use(const struct search *search, const char *device, struct diag *diag)
{
	if (search->found[0])
		return fail(diag, EINVAL, NULL, 0,
			    "%s has the host's address %s, so it is not the device of a "
			    "guest: " FORCE_HINT,
			    device, search->found);
	if (search->has_route)
		return fail(diag, EINVAL, NULL, 0,
			    "%s has a default route of the host, so it is not the device of a "
			    "guest: " FORCE_HINT,
			    device);
	return 0;
}

int refuse_host_device(unsigned int ifindex, const char *device, struct diag *diag)
{
	struct search use = {.ifindex = ifindex}, upper = {.ifindex = ifindex};
	struct link_info info;
	int r = read_link_info(ifindex, &info);

	if (r == 0)
		r = find_address(&use);
	if (r == 0)
		r = find_default_route(AF_INET, &use);
	if (r == 0)
		r = find_default_route(AF_INET6, &use);
	if (r == 0)
		r = find_upper(&upper);
	if (r < 0)
		return fail(diag, -r, NULL, 0, "%s: cannot read how the device is used: %s", device,
			    strerror(-r));
	r = refuse_kind(&info, device, diag);
	if (r == 0)
		r = refuse_use(&use, device, diag);
	if (r < 0 || !upper.found[0])
		return r;
	return fail(diag, EINVAL, NULL, 0,
		    "%s carries %s, so it is not the device of a single guest: " FORCE_HINT, device,
		    upper.found);
}
