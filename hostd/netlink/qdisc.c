/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking rtnetlink about qdiscs and filters.
 */
#include "hostd/netlink/qdisc.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>

#include "hostd/base/cleanup.h"
#include "hostd/netlink/netlink.h"

static struct nlmsghdr *put_request(char *buffer, uint16_t type, uint16_t flags,
				    unsigned int ifindex, uint32_t parent)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct tcmsg *message;

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | flags;
	header->nlmsg_seq = (uint32_t)time(NULL);
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->tcm_family = AF_UNSPEC;
	message->tcm_ifindex = (int)ifindex;
	message->tcm_parent = parent;
	return header;
}

static void copy_kind(const struct nlmsghdr *header, void *context)
{
	const struct nlattr *attribute;
	char *kind = context;

	if (header->nlmsg_type != RTM_NEWQDISC)
		return;
	mnl_attr_for_each(attribute, header, sizeof(struct tcmsg))
	{
		if (mnl_attr_get_type(attribute) != TCA_KIND ||
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) != 0)
			continue;
		snprintf(kind, QDISC_KIND_BYTES, "%s", mnl_attr_get_str(attribute));
	}
}

int read_ingress_qdisc(unsigned int ifindex, char ret_kind[static QDISC_KIND_BYTES])
{
	char buffer[256], kind[QDISC_KIND_BYTES] = "";
	int r;

	/* TC_H_CLSACT and TC_H_INGRESS are one number: the place is the same. Without NLM_F_ECHO
	 * the answer goes to the multicast group only. */
	r = ask_kernel(put_request(buffer, RTM_GETQDISC, NLM_F_ACK | NLM_F_ECHO, ifindex,
				   TC_H_CLSACT),
		       copy_kind, kind);
	/* No queue there at all, or one without a qdisc, which the kernel does not describe. */
	if (r == -ENOENT || r == -EINVAL)
		r = 0;
	if (r == 0)
		memcpy(ret_kind, kind, QDISC_KIND_BYTES);
	return r;
}

static void note_filter(const struct nlmsghdr *header, void *context)
{
	bool *found = context;

	if (header->nlmsg_type == RTM_NEWTFILTER)
		*found = true;
}

bool clsact_has_filters(unsigned int ifindex)
{
	const uint32_t hooks[] = {TC_H_MIN_INGRESS, TC_H_MIN_EGRESS};
	bool found = false;
	char buffer[256];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		r = ask_kernel(put_request(buffer, RTM_GETTFILTER, NLM_F_DUMP, ifindex,
					   TC_H_MAKE(TC_H_CLSACT, hooks[i])),
			       note_filter, &found);
		if (r < 0 || found)
			return true;
	}
	return false;
}

static void note_first(const struct nlmsghdr *header, void *context)
{
	const struct tcmsg *message = mnl_nlmsg_get_payload(header);
	struct filter_place *first = context;

	/* For each priority the kernel also lists a head without a handle. */
	if (header->nlmsg_type == RTM_NEWTFILTER &&
	    mnl_nlmsg_get_payload_len(header) >= sizeof(*message) && message->tcm_handle &&
	    !first->handle)
		*first = (struct filter_place){
			.priority = TC_H_MAJ(message->tcm_info) >> 16,
			.handle = message->tcm_handle,
		};
}

int read_first_filter(unsigned int ifindex, bool ingress, struct filter_place *ret)
{
	uint32_t hook = ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS;
	struct filter_place first = {0};
	char buffer[256];
	/* In the order in which they run. */
	int r = ask_kernel(put_request(buffer, RTM_GETTFILTER, NLM_F_DUMP, ifindex,
				       TC_H_MAKE(TC_H_CLSACT, hook)),
			   note_first, &first);

	if (r < 0)
		return r;
	if (!first.handle)
		return -ENOENT;
	*ret = first;
	return 0;
}
