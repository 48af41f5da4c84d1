/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IP protocols by name.
 */
#include "hostd/base/protocols.h"

#include <netinet/in.h>
#include <stdio.h>

const char *protocol_name(uint8_t protocol, char out[static PROTOCOL_TEXT_BYTES])
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_UDPLITE:
		return "udplite";
	}
	snprintf(out, PROTOCOL_TEXT_BYTES, "%u", protocol);
	return out;
}
