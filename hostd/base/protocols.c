/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IP protocols by name.
 */
#include "hostd/base/protocols.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int find_protocol(const char *text)
{
	char name[PROTOCOL_TEXT_BYTES], *end;
	unsigned long number;

	for (int protocol = 0; protocol <= UINT8_MAX; protocol++)
		if (!strcmp(text, protocol_name((uint8_t)protocol, name)))
			return protocol;
	errno = 0;
	number = strtoul(text, &end, 10);
	return errno || end == text || *end || *text == '-' || number > UINT8_MAX ? -1
										  : (int)number;
}
