/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP types: RFC 792, 950, 1256 and RFC 4443, 4861, 2710, 3810.
 */
#include "hostd/policy/icmp.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "hostd/base/cleanup.h"

static const struct icmp_type {
	uint8_t protocol;
	uint8_t type;
	const char *name;
} icmp_types[] = {
	{IPPROTO_ICMP, 0, "echo-reply"},
	{IPPROTO_ICMP, 3, "destination-unreachable"},
	{IPPROTO_ICMP, 4, "source-quench"},
	{IPPROTO_ICMP, 5, "redirect"},
	{IPPROTO_ICMP, 8, "echo-request"},
	{IPPROTO_ICMP, 9, "router-advertisement"},
	{IPPROTO_ICMP, 10, "router-solicitation"},
	{IPPROTO_ICMP, 11, "time-exceeded"},
	{IPPROTO_ICMP, 12, "parameter-problem"},
	{IPPROTO_ICMP, 13, "timestamp-request"},
	{IPPROTO_ICMP, 14, "timestamp-reply"},
	{IPPROTO_ICMP, 15, "info-request"},
	{IPPROTO_ICMP, 16, "info-reply"},
	{IPPROTO_ICMP, 17, "address-mask-request"},
	{IPPROTO_ICMP, 18, "address-mask-reply"},
	{IPPROTO_ICMPV6, 1, "destination-unreachable"},
	{IPPROTO_ICMPV6, 2, "packet-too-big"},
	{IPPROTO_ICMPV6, 3, "time-exceeded"},
	{IPPROTO_ICMPV6, 4, "parameter-problem"},
	{IPPROTO_ICMPV6, 128, "echo-request"},
	{IPPROTO_ICMPV6, 129, "echo-reply"},
	{IPPROTO_ICMPV6, 130, "mld-listener-query"},
	{IPPROTO_ICMPV6, 131, "mld-listener-report"},
	{IPPROTO_ICMPV6, 132, "mld-listener-done"},
	{IPPROTO_ICMPV6, 133, "nd-router-solicit"},
	{IPPROTO_ICMPV6, 134, "nd-router-advert"},
	{IPPROTO_ICMPV6, 135, "nd-neighbor-solicit"},
	{IPPROTO_ICMPV6, 136, "nd-neighbor-advert"},
	{IPPROTO_ICMPV6, 137, "nd-redirect"},
	{IPPROTO_ICMPV6, 143, "mld2-listener-report"},
};

int find_icmp_type(uint8_t protocol, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(icmp_types); i++) {
		if (icmp_types[i].protocol == protocol && strcmp(icmp_types[i].name, name) == 0)
			return icmp_types[i].type;
	}
	return -1;
}

const char *icmp_type_name(uint8_t protocol, int type)
{
	for (size_t i = 0; i < ARRAY_SIZE(icmp_types); i++) {
		if (icmp_types[i].protocol == protocol && icmp_types[i].type == type)
			return icmp_types[i].name;
	}
	return NULL;
}
