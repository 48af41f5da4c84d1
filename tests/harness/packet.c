// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hosts, Ethernet, IP, fragments and lies. What IP carries is in packet_transport.c, the protocols
 * that keep a network going in packet_control.c.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/packet.h"
#include "tests/harness/packet_internal.h"

#define V4(a, b, c, d)                                                                             \
	{                                                                                          \
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d                               \
	}

#define HOST(name, ...)                                                                            \
	static const struct host host_##name = {__VA_ARGS__};                                      \
	const struct host *const name = &host_##name

#define VM_MAC                                                                                     \
	{                                                                                          \
		0x52, 0x54, 0x00, 0x5d, 0xe1, 0x21                                                 \
	}
#define WEB_MAC                                                                                    \
	{                                                                                          \
		0x52, 0x54, 0x00, 0x00, 0x00, 0x80                                                 \
	}
#define CLIENT_MAC                                                                                 \
	{                                                                                          \
		0x52, 0x54, 0x00, 0x00, 0x00, 0x07                                                 \
	}
#define INTRUDER_MAC                                                                               \
	{                                                                                          \
		0x52, 0x54, 0x00, 0x66, 0x66, 0x66                                                 \
	}
#define ROUTER_MAC                                                                                 \
	{                                                                                          \
		0x52, 0x54, 0x00, 0x00, 0x00, 0x01                                                 \
	}
#define BROADCAST_MAC                                                                              \
	{                                                                                          \
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff                                                 \
	}
#define V6_MULTICAST_MAC(a, b, c, d)                                                               \
	{                                                                                          \
		0x33, 0x33, a, b, c, d                                                             \
	}

HOST(VM, VM_MAC, V4(10, 0, 0, 5));
HOST(VM6, VM_MAC, {0x20, 0x01, 0x0d, 0xb8, [15] = 0x05});
HOST(VM_LINK, VM_MAC, {0xfe, 0x80, [8] = 0x50, 0x54, 0x00, 0xff, 0xfe, 0x5d, 0xe1, 0x21});
HOST(WEB, WEB_MAC, V4(198, 51, 100, 80));
HOST(WEB6, WEB_MAC, {0x20, 0x01, 0x0d, 0xb8, 0x00, 0x80, [15] = 0x80});
HOST(CLIENT, CLIENT_MAC, V4(192, 0, 2, 7));
HOST(CLIENT6, CLIENT_MAC, {0x20, 0x01, 0x0d, 0xb8, 0x00, 0x07, [15] = 0x07});
HOST(INTRUDER, INTRUDER_MAC, V4(203, 0, 113, 66));
HOST(INTRUDER6, INTRUDER_MAC, {0x20, 0x01, 0x0d, 0xb8, 0x66, 0x66, [15] = 0x66});
HOST(ROUTER, ROUTER_MAC, V4(10, 0, 0, 1));
HOST(ROUTER6, ROUTER_MAC, {0x20, 0x01, 0x0d, 0xb8, [15] = 0x01});
HOST(ROUTER_LINK, ROUTER_MAC, {0xfe, 0x80, [8] = 0x50, 0x54, 0x00, 0xff, 0xfe, 0x00, 0x00, 0x01});
HOST(NOBODY, VM_MAC, V4(0, 0, 0, 0));
HOST(NOBODY6, VM_MAC, {0});
HOST(BROADCAST, BROADCAST_MAC, V4(255, 255, 255, 255));
HOST(ALL_NODES, V6_MULTICAST_MAC(0, 0, 0, 1), {0xff, 0x02, [15] = 1});
HOST(ALL_ROUTERS, V6_MULTICAST_MAC(0, 0, 0, 2), {0xff, 0x02, [15] = 2});
HOST(ALL_DHCP, V6_MULTICAST_MAC(0, 1, 0, 2), {0xff, 0x02, [13] = 1, 0, 2});
HOST(MDNS, {0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb}, V4(224, 0, 0, 251));

bool is_host_v4(const struct host *host)
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};

	return !memcmp(host->address, mapped, sizeof(mapped));
}

/* ---- bytes ---------------------------------------------------------------------------------- */

void put16(uint8_t *where, uint16_t value)
{
	where[0] = value >> 8;
	where[1] = value & 0xff;
}

void put32(uint8_t *where, uint32_t value)
{
	put16(where, value >> 16);
	put16(where + 2, value & 0xffff);
}

uint16_t get16(const uint8_t *where)
{
	return where[0] << 8 | where[1];
}

/* Opens a gap of `size` zero bytes; a frame that outgrows its buffer is a mistake in the test. */
void insert_gap(struct packet *packet, size_t at, size_t size)
{
	if (at > packet->length || packet->length + size > PACKET_BYTES_MAX)
		abort();
	memmove(packet->bytes + at + size, packet->bytes + at, packet->length - at);
	memset(packet->bytes + at, 0, size);
	packet->length += size;
	if (packet->network >= at)
		packet->network += size;
	if (packet->transport >= at)
		packet->transport += size;
}

static void append(struct packet *packet, const void *data, size_t size)
{
	if (packet->length + size > PACKET_BYTES_MAX)
		abort();
	memcpy(packet->bytes + packet->length, data, size);
	packet->length += size;
}

static uint32_t sum_words(uint32_t sum, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 1 < size; i += 2)
		sum += get16(data + i);
	if (size % 2)
		sum += data[size - 1] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

bool is_ipv4_packet(const struct packet *packet)
{
	return packet->bytes[packet->network] >> 4 == 4;
}

/* The checksum of TCP, UDP and ICMPv6 over the pseudo header of RFC 9293, 3.1 and RFC 8200, 8.1. */
void set_checksum(struct packet *packet, size_t offset, uint8_t protocol)
{
	const uint8_t *network = packet->bytes + packet->network;
	size_t size = packet->length - packet->transport;
	uint32_t sum = protocol + size;
	uint8_t *field = packet->bytes + packet->transport + offset;

	put16(field, 0);
	if (is_ipv4_packet(packet))
		sum = sum_words(sum, network + 12, 8);
	else
		sum = sum_words(sum, network + 8, 32);
	put16(field, fold(sum_words(sum, packet->bytes + packet->transport, size)));
}

/* ICMP's covers no pseudo header (RFC 792). */
void set_plain_checksum(struct packet *packet, size_t offset)
{
	uint8_t *transport = packet->bytes + packet->transport;

	put16(transport + offset, 0);
	put16(transport + offset,
	      fold(sum_words(0, transport, packet->length - packet->transport)));
}

static size_t ipv4_header_bytes(const struct packet *packet)
{
	return (size_t)(packet->bytes[packet->network] & 15) * 4;
}

/* Lengths and header checksum of IP as the frame now is. */
void settle_ip(struct packet *packet)
{
	uint8_t *network = packet->bytes + packet->network;
	size_t size = packet->length - packet->network;

	if (!is_ipv4_packet(packet)) {
		put16(network + 4, size - 40);
		return;
	}
	put16(network + 2, size);
	put16(network + 10, 0);
	put16(network + 10, fold(sum_words(0, network, ipv4_header_bytes(packet))));
}

/* ---- Ethernet ------------------------------------------------------------------------------- */

struct packet ethernet(const struct host *from, const struct host *to, uint16_t ethertype,
		       size_t payload)
{
	struct packet packet = {.length = ETH_HLEN, .network = ETH_HLEN, .transport = ETH_HLEN};

	memcpy(packet.bytes, to->mac, MAC_BYTES);
	memcpy(packet.bytes + MAC_BYTES, from->mac, MAC_BYTES);
	put16(packet.bytes + 12, ethertype);
	return padded(payload, packet);
}

struct packet bpdu(const struct host *from)
{
	static const struct host bridges = {.mac = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x00}};
	static const uint8_t llc[] = {0x42, 0x42, 0x03};
	struct packet packet = ethernet(from, &bridges, 38, 38);

	memcpy(packet.bytes + ETH_HLEN, llc, sizeof(llc));
	return packet;
}

struct packet sent_by(const struct host *machine, struct packet packet)
{
	memcpy(packet.bytes + MAC_BYTES, machine->mac, MAC_BYTES);
	return packet;
}

static struct packet add_tag(uint16_t ethertype, uint16_t id, struct packet packet)
{
	insert_gap(&packet, 12, 4);
	put16(packet.bytes + 12, ethertype);
	put16(packet.bytes + 14, id);
	return packet;
}

struct packet in_vlan(uint16_t id, struct packet packet)
{
	return add_tag(ETH_P_8021Q, id, packet);
}

struct packet in_service_vlan(uint16_t id, struct packet packet)
{
	return add_tag(ETH_P_8021AD, id, packet);
}

struct packet in_offloaded_vlan(uint16_t id, struct packet packet)
{
	packet.tag_protocol = ETH_P_8021Q;
	packet.tag = id;
	return packet;
}

struct packet coalesced(uint16_t segment_size, struct packet packet)
{
	packet.segment_size = segment_size;
	return packet;
}

struct packet in_snap(struct packet packet)
{
	static const uint8_t header[] = {0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00};
	size_t type = packet.network - 2;

	insert_gap(&packet, type, 2 + sizeof(header));
	put16(packet.bytes + type, packet.length - type - 2);
	memcpy(packet.bytes + type + 2, header, sizeof(header));
	return packet;
}

/* ---- IP ------------------------------------------------------------------------------------- */

static struct packet ipv4(const struct host *from, const struct host *to, uint8_t protocol,
			  size_t payload)
{
	struct packet packet = ethernet(from, to, ETH_P_IP, 20 + payload);
	uint8_t *network = packet.bytes + packet.network;

	network[0] = 0x45;
	put16(network + 4, 0x1234);
	network[8] = 64;
	network[9] = protocol;
	memcpy(network + 12, from->address + 12, 4);
	memcpy(network + 16, to->address + 12, 4);
	packet.transport = packet.network + 20;
	settle_ip(&packet);
	return packet;
}

static struct packet ipv6(const struct host *from, const struct host *to, uint8_t protocol,
			  size_t payload)
{
	struct packet packet = ethernet(from, to, ETH_P_IPV6, 40 + payload);
	uint8_t *network = packet.bytes + packet.network;

	network[0] = 0x60;
	network[6] = protocol;
	network[7] = 64;
	memcpy(network + 8, from->address, ADDRESS_BYTES);
	memcpy(network + 24, to->address, ADDRESS_BYTES);
	packet.transport = packet.network + 40;
	settle_ip(&packet);
	return packet;
}

struct packet ip(const struct host *from, const struct host *to, uint8_t protocol, size_t payload)
{
	return is_host_v4(from) ? ipv4(from, to, protocol, payload)
				: ipv6(from, to, protocol, payload);
}

struct packet with_ip_options(struct bytes options, struct packet packet)
{
	size_t size = (options.size + 3) / 4 * 4;
	size_t at = packet.network + 20;

	insert_gap(&packet, at, size);
	memcpy(packet.bytes + at, options.data, options.size);
	packet.bytes[packet.network] += size / 4;
	settle_ip(&packet);
	return packet;
}

/* Puts an extension header right behind the IPv6 header. */
static struct packet add_extension(uint8_t type, const void *header, size_t size,
				   struct packet packet)
{
	uint8_t *next = packet.bytes + packet.network + 6;
	size_t at = packet.network + 40;

	insert_gap(&packet, at, size);
	memcpy(packet.bytes + at, header, size);
	packet.bytes[at] = *next;
	*next = type;
	settle_ip(&packet);
	return packet;
}

struct packet with_hop_by_hop(struct packet packet)
{
	/* Router alert, RFC 2711, and two bytes of padding. */
	static const uint8_t header[8] = {[2] = 5, 2, 0, 0, 1, 0};

	return add_extension(IPPROTO_HOPOPTS, header, sizeof(header), packet);
}

struct packet with_destination_options(struct packet packet)
{
	static const uint8_t header[16] = {[1] = 1, [2] = 1, 12};

	return add_extension(IPPROTO_DSTOPTS, header, sizeof(header), packet);
}

struct packet with_routing(uint8_t type, struct packet packet)
{
	const uint8_t header[8] = {[2] = type};

	return add_extension(IPPROTO_ROUTING, header, sizeof(header), packet);
}

struct packet with_authentication(struct packet packet)
{
	/* Its length counts 4-byte words beyond the first two, unlike the others' (RFC 4302). */
	static const uint8_t header[24] = {[1] = 4, [7] = 1};

	return add_extension(IPPROTO_AH, header, sizeof(header), packet);
}

static struct packet cut_out(size_t header, size_t offset, size_t length, bool *ret_more,
			     struct packet packet)
{
	size_t payload = packet.length - packet.network - header;
	uint8_t *start = packet.bytes + packet.network + header;

	if (offset > payload)
		abort();
	if (!length || length > payload - offset)
		length = payload - offset;
	memmove(start, start + offset, length);
	packet.length = packet.network + header + length;
	*ret_more = offset + length < payload;
	return packet;
}

struct packet fragment(uint32_t id, size_t offset, size_t length, struct packet packet)
{
	uint8_t header[8] = {0};
	bool more;

	if (is_ipv4_packet(&packet)) {
		uint8_t *network = packet.bytes + packet.network;

		packet = cut_out(ipv4_header_bytes(&packet), offset, length, &more, packet);
		put16(network + 4, id);
		put16(network + 6, offset / 8 | (more ? 0x2000 : 0));
		settle_ip(&packet);
		return packet;
	}
	packet = cut_out(40, offset, length, &more, packet);
	put16(header + 2, offset | more);
	put32(header + 4, id);
	return add_extension(IPPROTO_FRAGMENT, header, sizeof(header), packet);
}

/* ---- lies ----------------------------------------------------------------------------------- */

static size_t find_place(const struct packet *packet, int place)
{
	size_t offset = place & 0xffff;

	switch (place - (int)offset) {
	case LAYER_FRAME:
		return offset;
	case LAYER_NETWORK:
		return packet->network + offset;
	default:
		return packet->transport + offset;
	}
}

struct packet set_bytes(int place, const void *value, size_t size, struct packet packet)
{
	size_t at = find_place(&packet, place);

	if (at + size > packet.length)
		abort();
	memcpy(packet.bytes + at, value, size);
	return packet;
}

struct packet set8(int place, uint8_t value, struct packet packet)
{
	return set_bytes(place, &value, sizeof(value), packet);
}

struct packet set16(int place, uint16_t value, struct packet packet)
{
	uint16_t wire = htons(value);

	return set_bytes(place, &wire, sizeof(wire), packet);
}

struct packet cut_at(int place, struct packet packet)
{
	size_t at = find_place(&packet, place);

	if (at > packet.length)
		abort();
	packet.length = at;
	return packet;
}

struct packet padded(size_t bytes, struct packet packet)
{
	static const uint8_t zeros[PACKET_BYTES_MAX];

	append(&packet, zeros, bytes);
	return packet;
}
