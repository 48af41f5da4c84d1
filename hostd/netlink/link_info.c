/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking rtnetlink about a device.
 */
#include "hostd/netlink/link_info.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/netlink/netlink.h"

#define REQUEST_BYTES 64

static int note_kind(const struct nlattr *attribute, void *context)
{
	struct link_info *info = context;

	if (mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0)
		return MNL_CB_OK;
	if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
		snprintf(info->kind, sizeof(info->kind), "%s", mnl_attr_get_str(attribute));
	if (mnl_attr_get_type(attribute) == IFLA_INFO_SLAVE_KIND)
		snprintf(info->master_kind, sizeof(info->master_kind), "%s",
			 mnl_attr_get_str(attribute));
	return MNL_CB_OK;
}

static int note_xdp(const struct nlattr *attribute, void *context)
{
	struct link_info *info = context;

	if (mnl_attr_get_type(attribute) == IFLA_XDP_ATTACHED &&
	    mnl_attr_validate(attribute, MNL_TYPE_U8) >= 0)
		info->has_xdp = mnl_attr_get_u8(attribute) != XDP_ATTACHED_NONE;
	return MNL_CB_OK;
}

bool parse_link_info(const struct nlmsghdr *header, struct link_info *ret)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute;
	struct link_info parsed = {0}, *info = &parsed;
	bool elsewhere = false, has_carrier = true;

	if (header->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(header) < sizeof(*link))
		return false;
	info->is_ethernet = link->ifi_type == ARPHRD_ETHER;
	mnl_attr_for_each(attribute, header, sizeof(*link))
	{
		if (mnl_attr_get_type(attribute) == IFLA_LINK &&
		    mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			info->peer = mnl_attr_get_u32(attribute);
		if (mnl_attr_get_type(attribute) == IFLA_MASTER &&
		    mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0)
			info->master = mnl_attr_get_u32(attribute);
		if (mnl_attr_get_type(attribute) == IFLA_CARRIER &&
		    mnl_attr_validate(attribute, MNL_TYPE_U8) >= 0)
			has_carrier = mnl_attr_get_u8(attribute);
		if (mnl_attr_get_type(attribute) == IFLA_LINK_NETNSID)
			elsewhere = true;
		if (mnl_attr_get_type(attribute) == IFLA_XDP)
			mnl_attr_parse_nested(attribute, note_xdp, info);
		if (mnl_attr_get_type(attribute) == IFLA_LINKINFO)
			mnl_attr_parse_nested(attribute, note_kind, info);
	}
	/* Then the number does not count in this network namespace. */
	if (elsewhere || strcmp(info->kind, "veth") != 0)
		info->peer = 0;
	/* tun_attach() and __tun_detach() in drivers/net/tun.c switch the carrier. While a device
	 * is down, the kernel does not report that (linkwatch_do_dev() in net/core/link_watch.c).
	 */
	info->is_unheld =
		strcmp(info->kind, "tun") == 0 && (!has_carrier || !(link->ifi_flags & IFF_UP));
	*ret = parsed;
	return true;
}

static void note_link(const struct nlmsghdr *header, void *context)
{
	parse_link_info(header, context);
}

int read_link_info(unsigned int ifindex, struct link_info *ret)
{
	char buffer[REQUEST_BYTES];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
	struct link_info info = {0};
	int r;

	request->nlmsg_type = RTM_GETLINK;
	request->nlmsg_flags = NLM_F_REQUEST;
	link->ifi_index = (int)ifindex;
	r = ask_kernel(request, note_link, &info);
	if (r == 0)
		*ret = info;
	return r;
}

static bool is_one_of(const char *kind, const char *const *kinds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	}
	return false;
}

bool is_reversed_kind(const char *kind)
{
	static const char *const kinds[] = {"macvtap", "macvlan", "ipvtap", "ipvlan"};

	return is_one_of(kind, kinds, ARRAY_SIZE(kinds));
}

bool is_opened_kind(const char *kind)
{
	static const char *const kinds[] = {"tun", "macvtap", "ipvtap"};

	return is_one_of(kind, kinds, ARRAY_SIZE(kinds));
}

bool is_guest_kind(const char *kind)
{
	static const char *const kinds[] = {"tun", "veth"};

	return is_reversed_kind(kind) || is_one_of(kind, kinds, ARRAY_SIZE(kinds));
}
