// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading frames. Where the contract does not say which of several faults is reported, the one
 * that a reader meets first is: from the first byte on, fixed part before lengths.
 */
#include "tests/model/reading.h"

#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#define FIRST_ETHERTYPE 0x0600 /* IEEE 802.3, 3.2.6: below is a length */
#define QINQ_BEFORE_AD  0x9100

#define EXTENSIONS_MAX 8
/* bpf/parsed_packet.h: how far into a frame headers are looked for. What lies behind is as good as
 * not there. */
#define HEADERS_MAX 256

#define UDPLITE 136

static uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)be16(at) << 16 | be16(at + 2);
}

/* The next `count` bytes, or NULL when there are fewer. */
static const uint8_t *take(struct span *span, size_t count)
{
	const uint8_t *taken = span->at;

	if (span->left < count)
		return NULL;
	span->at += count;
	span->left -= count;
	return taken;
}

static void trim(struct span *span, size_t length)
{
	if (span->left > length)
		span->left = length;
}

/* ---- Ethernet ------------------------------------------------------------------------------- */

static bool is_tag(uint16_t ethertype)
{
	return ethertype == ETH_P_8021Q || ethertype == ETH_P_8021AD || ethertype == QINQ_BEFORE_AD;
}

/* LLC: with SNAP and an OUI that says so (RFC 1042, IEEE 802.1H), the real type follows. What is
 * too short to be SNAP is LLC of an unknown kind. A tag in there is never let through. */
static int read_llc(struct reading *reading)
{
	static const uint8_t snap[] = {0xaa, 0xaa, 0x03}, rfc1042[3], bridged[] = {0, 0, 0xf8};
	struct span look = reading->rest;
	const uint8_t *header = take(&look, 8);

	reading->ethertype = 0;
	if (!header || memcmp(header, snap, 3))
		return GO_ON;
	if (memcmp(header + 3, rfc1042, 3) && memcmp(header + 3, bridged, 3))
		return GO_ON;
	reading->ethertype = be16(header + 6);
	reading->rest = look;
	return is_tag(reading->ethertype) ? REASON_VLAN_TAGS : GO_ON;
}

/* Priority tags are in no VLAN (IEEE 802.1Q, 9.6). Two that are make a VLAN inside a VLAN (IEEE
 * 802.1ad); of more it is not known which networks they are. */
static int read_vlans(struct reading *reading)
{
	uint16_t ids[2] = {0};
	size_t count = 0;

	for (size_t i = 0; i < reading->tag_count; i++) {
		if (!reading->tags[i])
			continue;
		if (count == 2)
			return REASON_VLAN_TAGS;
		ids[count++] = reading->tags[i];
	}
	reading->vlans = (uint32_t)ids[0] << 12 | ids[1];
	return GO_ON;
}

int read_ethernet(const struct packet *frame, struct reading *ret)
{
	size_t in_frame = 0;
	const uint8_t *header;

	*ret = (struct reading){.length = frame->length,
				.rest = {frame->bytes, frame->length},
				.far = frame->bytes + HEADERS_MAX};
	header = take(&ret->rest, ETH_HLEN);
	if (!header)
		return REASON_TRUNCATED;
	memcpy(ret->source_mac, header + MAC_BYTES, MAC_BYTES);
	ret->ethertype = be16(header + 12);
	if (frame->tag_protocol)
		ret->tags[ret->tag_count++] = frame->tag & 0xfff;
	while (is_tag(ret->ethertype)) {
		const uint8_t *tag;

		/* Two tags in a frame; more are not let through unseen. */
		if (in_frame++ == 2)
			return REASON_VLAN_TAGS;
		tag = take(&ret->rest, 4);
		if (!tag)
			return REASON_TRUNCATED;
		ret->tags[ret->tag_count++] = be16(tag) & 0xfff;
		ret->ethertype = be16(tag + 2);
	}
	if (read_vlans(ret) != GO_ON)
		return REASON_VLAN_TAGS;
	return ret->ethertype < FIRST_ETHERTYPE ? read_llc(ret) : GO_ON;
}

/* ---- ICMP ----------------------------------------------------------------------------------- */

/* RFC 792, 950, 8335. */
static enum message classify_v4(uint8_t type)
{
	switch (type) {
	case 8:  /* echo */
	case 13: /* timestamp */
	case 15: /* information */
	case 17: /* address mask */
	case 42: /* extended echo */
		return MESSAGE_QUERY;
	case 0:
	case 14:
	case 16:
	case 18:
	case 43:
		return MESSAGE_REPLY;
	case 3:  /* unreachable */
	case 4:  /* source quench */
	case 5:  /* redirect */
	case 11: /* time exceeded */
	case 12: /* parameter problem */
		return MESSAGE_ERROR;
	default:
		return MESSAGE_OTHER;
	}
}

/* RFC 4443, 2.1: errors have the high bit clear. */
static enum message classify_v6(uint8_t type)
{
	if (type < 128)
		return MESSAGE_ERROR;
	if (type == 128 || type == 160)
		return MESSAGE_QUERY;
	return type == 129 || type == 161 ? MESSAGE_REPLY : MESSAGE_OTHER;
}

uint8_t query_of(enum family family, uint8_t reply)
{
	if (family == FAMILY_V4 && reply == 0)
		return 8;
	return (uint8_t)(reply - 1);
}

static void read_icmp_fields(struct reading *reading, const uint8_t *header)
{
	reading->type = header[0];
	reading->code = header[1];
	reading->identifier = be16(header + 4);
	reading->message = reading->family == FAMILY_V4 ? classify_v4(reading->type)
							: classify_v6(reading->type);
}

static bool is_icmp(const struct reading *reading)
{
	return reading->protocol == IPPROTO_ICMP || reading->protocol == IPPROTO_ICMPV6;
}

static bool is_of_its_family(const struct reading *reading)
{
	return (reading->protocol == IPPROTO_ICMP) == (reading->family == FAMILY_V4);
}

/* ---- transport ------------------------------------------------------------------------------ */

/* Bytes of the fixed header; 0: a protocol that is not looked into. */
static size_t fixed_header(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return 20;
	case IPPROTO_SCTP:
		return 12;
	case IPPROTO_UDP:
	case UDPLITE:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 8;
	default:
		return 0;
	}
}

static int read_tcp(struct reading *reading, const uint8_t *header, int too_short)
{
	struct span options = reading->transport;

	reading->header = (size_t)(header[12] >> 4) * 4;
	if (reading->header < 20)
		return REASON_BAD_HEADER;
	if (reading->header > reading->transport.left)
		return too_short;
	reading->sequence = be32(header + 4);
	reading->acknowledgment = be32(header + 8);
	reading->flags = header[13];
	reading->window = be16(header + 14);
	trim(&options, reading->header);
	take(&options, 20);
	reading->options = options;
	reading->payload = reading->transport.left - reading->header;
	return GO_ON;
}

/* A UDP length counts the header (RFC 768). It may leave a surplus area behind it (RFC 9868), but
 * never reach beyond IP's; a first fragment's counts the fragments to come. */
static int read_udp(const struct reading *reading, const uint8_t *header)
{
	size_t length = be16(header + 4);

	if (length < 8)
		return REASON_BAD_LENGTH;
	if (reading->part == PART_WHOLE && length > reading->transport.left)
		return REASON_BAD_LENGTH;
	return GO_ON;
}

static int read_transport(struct reading *reading)
{
	int too_short = reading->part == PART_FIRST ? REASON_FRAGMENT_TINY : REASON_BAD_LENGTH;
	size_t fixed = fixed_header(reading->protocol);
	struct span look = reading->transport;
	const uint8_t *header;

	if (reading->part == PART_LATER || !fixed)
		return GO_ON;
	header = take(&look, fixed);
	if (!header)
		return too_short;
	if (is_icmp(reading) && !is_of_its_family(reading))
		return REASON_BAD_HEADER;
	if (header > reading->far)
		return REASON_TRUNCATED;
	if (is_icmp(reading)) {
		read_icmp_fields(reading, header);
		reading->quoted = look;
		return GO_ON;
	}
	reading->source_port = be16(header);
	reading->destination_port = be16(header + 2);
	if (reading->protocol == IPPROTO_TCP)
		return read_tcp(reading, header, too_short);
	if (reading->protocol == IPPROTO_UDP)
		return read_udp(reading, header);
	return GO_ON; /* UDP-Lite's length is its checksum's business, which nobody looks at */
}

int read_window_scale(const struct reading *syn)
{
	struct span options = syn->options;

	for (;;) {
		const uint8_t *kind = take(&options, 1), *size;

		if (!kind || *kind == 0 || kind > syn->far)
			return -1;
		if (*kind == 1)
			continue;
		size = take(&options, 1);
		if (!size || *size < 2 || (size_t)*size - 2 > options.left)
			return -1;
		if (*kind == 3 && *size == 3)
			return *options.at > 14 ? 14 : *options.at;
		take(&options, (size_t)*size - 2);
	}
}

/* ---- IPv4 ----------------------------------------------------------------------------------- */

static void map_ipv4(uint8_t *address, const uint8_t *ipv4)
{
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	memcpy(address + 12, ipv4, 4);
}

static void read_ipv4_fields(struct reading *reading, const uint8_t *header)
{
	uint16_t fragment = be16(header + 6);

	reading->hop_limit = header[8];
	reading->protocol = header[9];
	map_ipv4(reading->source, header + 12);
	map_ipv4(reading->destination, header + 16);
	reading->datagram = be16(header + 4);
	reading->offset = (fragment & 0x1fffU) * 8;
	reading->part = PART_WHOLE;
	if (reading->offset)
		reading->part = PART_LATER;
	else if (fragment & 0x2000)
		reading->part = PART_FIRST;
}

static int read_ipv4(struct reading *reading)
{
	struct span packet = reading->rest, look = packet;
	const uint8_t *header = take(&look, 20);
	size_t header_length, length;

	if (!header)
		return REASON_TRUNCATED;
	header_length = (size_t)(header[0] & 15) * 4;
	if (header[0] >> 4 != 4 || header_length < 20)
		return REASON_BAD_HEADER;
	length = be16(header + 2);
	if (length > packet.left || length < header_length)
		return REASON_BAD_LENGTH;
	read_ipv4_fields(reading, header);
	trim(&packet, length);
	take(&packet, header_length);
	reading->transport = packet;
	reading->part_length = (uint32_t)packet.left;
	return read_transport(reading);
}

/* ---- IPv6 ----------------------------------------------------------------------------------- */

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
	       next == IPPROTO_AH || next == IPPROTO_DSTOPTS;
}

static size_t extension_length(uint8_t kind, const uint8_t *header)
{
	if (kind == IPPROTO_FRAGMENT)
		return 8;
	return kind == IPPROTO_AH ? ((size_t)header[1] + 2) * 4 /* RFC 4302, 2.2 */
				  : ((size_t)header[1] + 1) * 8;
}

static void read_fragment_header(struct reading *reading, const uint8_t *header)
{
	uint16_t word = be16(header + 2);

	reading->has_fragment_header = true;
	reading->offset = word & 0xfff8U;
	reading->datagram = be32(header + 4);
	if (reading->offset)
		reading->part = PART_LATER;
	else if (word & 1)
		reading->part = PART_FIRST;
	reading->part_length = (uint32_t)reading->transport.left;
}

/* What the chain breaks for: a first fragment has all headers (RFC 7112), or it is tiny. */
static int chain_ends(const struct reading *reading)
{
	return reading->part == PART_FIRST ? REASON_FRAGMENT_TINY : REASON_BAD_LENGTH;
}

/* Walks the chain from reading->protocol on. `position` counts from the first header. */
static int read_extensions(struct reading *reading)
{
	for (int position = 0; is_extension(reading->protocol); position++) {
		uint8_t kind = reading->protocol;
		struct span look = reading->transport;
		const uint8_t *header;

		if (reading->part == PART_LATER)
			return GO_ON; /* what follows is the middle of something */
		if (position == EXTENSIONS_MAX)
			return REASON_EXTENSION_HEADER;
		if (kind == IPPROTO_HOPOPTS && position)
			return REASON_EXTENSION_HEADER;
		header = take(&look, 8);
		if (!header)
			return chain_ends(reading);
		if (header > reading->far)
			return REASON_TRUNCATED;
		/* An atomic fragment is a whole packet (RFC 6946), so that its header may come
		 * again; a fragment of a fragment is nothing. */
		if (kind == IPPROTO_FRAGMENT && reading->part != PART_WHOLE)
			return REASON_EXTENSION_HEADER;
		if (kind == IPPROTO_ROUTING && header[2] == 0)
			return REASON_ROUTING_HEADER;
		if (!take(&reading->transport, extension_length(kind, header)))
			return chain_ends(reading);
		reading->protocol = header[0];
		if (kind == IPPROTO_FRAGMENT)
			read_fragment_header(reading, header);
	}
	return GO_ON;
}

static bool is_mapped(const uint8_t *address)
{
	static const uint8_t head[12] = {[10] = 0xff, 0xff};

	return !memcmp(address, head, sizeof(head));
}

static void read_ipv6_fields(struct reading *reading, const uint8_t *header)
{
	reading->protocol = header[6];
	reading->hop_limit = header[7];
	memcpy(reading->source, header + 8, ADDRESS_BYTES);
	memcpy(reading->destination, header + 24, ADDRESS_BYTES);
	reading->part = PART_WHOLE;
}

static int read_ipv6(struct reading *reading)
{
	struct span packet = reading->rest;
	const uint8_t *header = take(&packet, 40);
	size_t length;
	int reason;

	if (!header)
		return REASON_TRUNCATED;
	if (header[0] >> 4 != 6)
		return REASON_BAD_HEADER;
	length = be16(header + 4);
	if (length > packet.left)
		return REASON_BAD_LENGTH;
	read_ipv6_fields(reading, header);
	if (is_mapped(reading->source) || is_mapped(reading->destination))
		return REASON_BAD_HEADER;
	trim(&packet, length);
	reading->transport = packet;
	reason = read_extensions(reading);
	return reason != GO_ON ? reason : read_transport(reading);
}

int read_ip(struct reading *reading)
{
	reading->family = reading->ethertype == ETH_P_IP ? FAMILY_V4 : FAMILY_V6;
	return reading->family == FAMILY_V4 ? read_ipv4(reading) : read_ipv6(reading);
}

/* ---- the packet inside an ICMP error -------------------------------------------------------- */

static int read_quoted_v4(struct reading *quoted, struct span packet)
{
	struct span look = packet;
	const uint8_t *header = take(&look, 20);

	if (!header)
		return REASON_TRUNCATED;
	if (header[0] >> 4 != 4 || (header[0] & 15) < 5)
		return REASON_BAD_HEADER;
	read_ipv4_fields(quoted, header);
	if (quoted->part == PART_LATER)
		return REASON_ICMP_STATE; /* RFC 1122, 3.2.2 */
	if (!take(&packet, (size_t)(header[0] & 15) * 4))
		return REASON_TRUNCATED;
	quoted->transport = packet;
	return GO_ON;
}

static int read_quoted_v6(struct reading *quoted, struct span packet)
{
	const uint8_t *header = take(&packet, 40);

	if (!header || header > quoted->far)
		return REASON_TRUNCATED;
	if (header[0] >> 4 != 6)
		return REASON_BAD_HEADER;
	read_ipv6_fields(quoted, header);
	quoted->transport = packet;
	return read_extensions(quoted);
}

int read_quoted(const struct reading *error, struct reading *ret)
{
	struct span look;
	const uint8_t *start;
	int reason;

	*ret = (struct reading){.family = error->family, .far = error->far};
	reason = ret->family == FAMILY_V4 ? read_quoted_v4(ret, error->quoted)
					  : read_quoted_v6(ret, error->quoted);
	if (reason != GO_ON)
		return reason;
	if (ret->part == PART_LATER)
		return REASON_ICMP_STATE;
	look = ret->transport;
	start = take(&look, 8); /* RFC 792: that much at least */
	if (!start || start > ret->far)
		return REASON_TRUNCATED;
	if (!fixed_header(ret->protocol))
		return GO_ON;
	if (is_icmp(ret)) {
		if (!is_of_its_family(ret))
			return REASON_ICMP_STATE;
		read_icmp_fields(ret, start);
		return ret->message == MESSAGE_OTHER ? REASON_ICMP_STATE : GO_ON;
	}
	ret->source_port = be16(start);
	ret->destination_port = be16(start + 2);
	ret->sequence = be32(start + 4);
	return GO_ON;
}

/* ---- addresses ------------------------------------------------------------------------------ */

bool is_to_many(const struct reading *r)
{
	static const uint8_t everybody[] = {255, 255, 255, 255};

	if (r->family == FAMILY_V6)
		return r->destination[0] == 0xff;
	return (r->destination[12] & 0xf0) == 0xe0 || !memcmp(r->destination + 12, everybody, 4);
}
