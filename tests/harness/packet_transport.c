// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP, UDP, UDP-Lite, SCTP, ICMP and ICMPv6. */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/packet.h"
#include "tests/harness/packet_internal.h"

#define TCP_HEADER  20
#define UDP_HEADER  8
#define SCTP_HEADER 12
#define SCTP_CHUNK  20
#define ICMP_HEADER 8

struct packet build_tcp(const struct host *from, const struct host *to, uint16_t from_port,
			uint16_t to_port, const struct tcp_fields *fields)
{
	size_t header = TCP_HEADER + (fields->options.size + 3) / 4 * 4;
	struct packet packet = ip(from, to, IPPROTO_TCP, header + fields->payload);
	uint8_t *start = packet.bytes + packet.transport;
	uint16_t window = fields->window == ZERO_WINDOW ? 0
			  : fields->window              ? fields->window
							: DEFAULT_WINDOW;

	put16(start, from_port);
	put16(start + 2, to_port);
	put32(start + 4, fields->sequence);
	put32(start + 8, fields->acknowledgment);
	start[12] = header / 4 << 4;
	start[13] = fields->flags;
	put16(start + 14, window);
	if (fields->options.size)
		memcpy(start + TCP_HEADER, fields->options.data, fields->options.size);
	set_checksum(&packet, 16, IPPROTO_TCP);
	return packet;
}

struct packet build_udp(const struct host *from, const struct host *to, uint16_t from_port,
			uint16_t to_port, const struct udp_fields *fields)
{
	uint8_t protocol = fields->lite ? IPPROTO_UDPLITE : IPPROTO_UDP;
	struct packet packet = ip(from, to, protocol, UDP_HEADER + fields->payload);
	uint8_t *start = packet.bytes + packet.transport;

	put16(start, from_port);
	put16(start + 2, to_port);
	/* UDP-Lite has its checksum coverage here; 0 means: all (RFC 3828, 3.1). */
	put16(start + 4, fields->lite ? 0 : UDP_HEADER + fields->payload);
	set_checksum(&packet, 6, protocol);
	return packet;
}

struct packet sctp(const struct host *from, const struct host *to, uint16_t from_port,
		   uint16_t to_port, uint8_t chunk)
{
	struct packet packet = ip(from, to, IPPROTO_SCTP, SCTP_HEADER + SCTP_CHUNK);
	uint8_t *start = packet.bytes + packet.transport;

	put16(start, from_port);
	put16(start + 2, to_port);
	start[SCTP_HEADER] = chunk;
	put16(start + SCTP_HEADER + 2, SCTP_CHUNK);
	return packet;
}

struct packet build_icmp(const struct host *from, const struct host *to, uint8_t type, uint8_t code,
			 const struct icmp_fields *fields)
{
	bool v4 = is_host_v4(from);
	struct packet packet =
		ip(from, to, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, ICMP_HEADER + fields->payload);
	uint8_t *start = packet.bytes + packet.transport;

	start[0] = type;
	start[1] = code;
	put16(start + 4, fields->id);
	put16(start + 6, fields->sequence);
	if (v4)
		set_plain_checksum(&packet, 2);
	else
		set_checksum(&packet, 2, IPPROTO_ICMPV6);
	return packet;
}

struct packet echo_request(const struct host *from, const struct host *to, uint16_t id)
{
	return icmp(from, to, is_host_v4(from) ? ICMP_ECHO : ICMPV6_ECHO_REQUEST, 0, .id = id,
		    .payload = 56);
}

struct packet echo_reply(const struct host *from, const struct host *to, uint16_t id)
{
	return icmp(from, to, is_host_v4(from) ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY, 0, .id = id,
		    .payload = 56);
}

struct packet icmp_error(const struct host *from, const struct host *to, uint8_t type, uint8_t code,
			 struct packet cause, size_t bytes)
{
	size_t size = cause.length - cause.network;
	struct packet packet;

	if (bytes && bytes < size)
		size = bytes;
	packet = icmp(from, to, type, code, .payload = size);
	memcpy(packet.bytes + packet.transport + ICMP_HEADER, cause.bytes + cause.network, size);
	if (is_host_v4(from))
		set_plain_checksum(&packet, 2);
	else
		set_checksum(&packet, 2, IPPROTO_ICMPV6);
	return packet;
}

struct packet unreachable(const struct host *from, const struct host *to, struct packet cause)
{
	if (is_host_v4(from))
		return icmp_error(from, to, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, cause, 0);
	return icmp_error(from, to, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, cause, 0);
}
