/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames for tests, written as a reader would say them:
 *
 *   tcp(VM, WEB, 40000, 80, SYN)
 *   in_vlan(10, udp(CLIENT6, VM6, 53, 53, .payload = 100))
 *   set16(IPV4_TOTAL_LENGTH, 19, udp(CLIENT, VM, 53, 53))
 *
 * A packet is a value: builders return one, modifiers take one last and return the changed copy.
 * Lengths and checksums are right unless a modifier makes them lie. Numbers are in host byte order.
 */
#ifndef VMSEG_TEST_PACKET_H
#define VMSEG_TEST_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

#define PACKET_BYTES_MAX 2048

/* The direction of a frame, as the VM sees it. */
#define IN  DIRECTION_IN
#define OUT DIRECTION_OUT

struct packet {
	uint16_t length;    /* of the frame */
	uint16_t network;   /* offset of the IP or ARP header */
	uint16_t transport; /* offset of what follows IP and its extension headers */
	/* A tag that is not in the frame but beside it, as the kernel keeps it: 0 or an EtherType,
	 * and the tag. */
	uint16_t tag_protocol, tag;
	uint16_t segment_size; /* of a frame that the kernel has yet to cut up (GSO); else 0 */
	uint8_t bytes[PACKET_BYTES_MAX];
};

/* ---- hosts ---------------------------------------------------------------------------------- */

/* One MAC with one address, IPv4 as ::ffff:a.b.c.d. The family of the sender's address decides
 * the family of the packet; X and X6 are the same machine. */
struct host {
	uint8_t mac[MAC_BYTES];
	uint8_t address[ADDRESS_BYTES];
};

extern const struct host *const VM;       /* 10.0.0.5, the machine behind the port */
extern const struct host *const VM6;      /* 2001:db8::5 */
extern const struct host *const VM_LINK;  /* its link-local address, from its MAC */
extern const struct host *const WEB;      /* 198.51.100.80 */
extern const struct host *const WEB6;     /* 2001:db8:80::80 */
extern const struct host *const CLIENT;   /* 192.0.2.7 */
extern const struct host *const CLIENT6;  /* 2001:db8:7::7 */
extern const struct host *const INTRUDER; /* 203.0.113.66 */
extern const struct host *const INTRUDER6;
extern const struct host *const ROUTER; /* 10.0.0.1 */
extern const struct host *const ROUTER6;
extern const struct host *const ROUTER_LINK;
extern const struct host *const NOBODY;    /* 0.0.0.0 with the VM's MAC */
extern const struct host *const NOBODY6;   /* :: with the VM's MAC */
extern const struct host *const BROADCAST; /* 255.255.255.255 */
extern const struct host *const ALL_NODES; /* ff02::1 */
extern const struct host *const ALL_ROUTERS;
extern const struct host *const ALL_DHCP; /* ff02::1:2 */
extern const struct host *const MDNS;     /* 224.0.0.251 */

bool is_host_v4(const struct host *host);

/* ---- IP with something inside --------------------------------------------------------------- */

/* Variable-length content: options = BYTES(MSS(1460), SCALE(7)). */
struct bytes {
	const uint8_t *data;
	size_t size;
};
#define BYTES(...)                                                                                 \
	((struct bytes){.data = (const uint8_t[]){__VA_ARGS__},                                    \
			.size = sizeof((const uint8_t[]){__VA_ARGS__})})

/* An IP packet of any protocol with `payload` bytes after the IP header. */
struct packet ip(const struct host *from, const struct host *to, uint8_t protocol, size_t payload);

enum tcp_flag {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
	URG = 0x20,
	ECE = 0x40,
	CWR = 0x80,
};

#define MSS(value)     2, 4, (value) >> 8, (value)&0xff
#define SCALE(shift)   3, 3, (shift)
#define SACK_PERMITTED 4, 2
#define NOP            1

#define DEFAULT_WINDOW 64240
#define ZERO_WINDOW    (-1)

struct tcp_fields {
	uint8_t flags;
	uint32_t sequence, acknowledgment; /* in next_segment(): added to the right ones */
	int32_t window;                    /* as in the header, unscaled; 0: DEFAULT_WINDOW */
	struct bytes options;              /* filled up with zeros to 4 bytes */
	size_t payload;                    /* bytes */
};

#define tcp(from, to, from_port, to_port, tcp_flags, ...)                                          \
	build_tcp((from), (to), (from_port), (to_port),                                            \
		  &(struct tcp_fields){.flags = (tcp_flags), ##__VA_ARGS__})
struct packet build_tcp(const struct host *from, const struct host *to, uint16_t from_port,
			uint16_t to_port, const struct tcp_fields *fields);

struct udp_fields {
	bool lite;      /* UDP-Lite, RFC 3828 */
	size_t payload; /* bytes */
};

#define udp(from, to, from_port, to_port, ...)                                                     \
	build_udp((from), (to), (from_port), (to_port), &(struct udp_fields){__VA_ARGS__})
struct packet build_udp(const struct host *from, const struct host *to, uint16_t from_port,
			uint16_t to_port, const struct udp_fields *fields);

enum sctp_chunk { SCTP_DATA = 0, SCTP_INIT = 1, SCTP_INIT_ACK = 2, SCTP_COOKIE_ECHO = 10 };

struct packet sctp(const struct host *from, const struct host *to, uint16_t from_port,
		   uint16_t to_port, uint8_t chunk);

/* ICMP or ICMPv6 by the sender's family, 8 bytes and `payload` more. */
struct icmp_fields {
	uint16_t id, sequence;
	size_t payload;
};

#define icmp(from, to, type, code, ...)                                                            \
	build_icmp((from), (to), (type), (code), &(struct icmp_fields){__VA_ARGS__})
struct packet build_icmp(const struct host *from, const struct host *to, uint8_t type, uint8_t code,
			 const struct icmp_fields *fields);

/* With the type of the family. */
struct packet echo_request(const struct host *from, const struct host *to, uint16_t id);
struct packet echo_reply(const struct host *from, const struct host *to, uint16_t id);

/* An ICMP error about `cause`: carries its IP packet, at most `bytes` of it (0: all). */
struct packet icmp_error(const struct host *from, const struct host *to, uint8_t type, uint8_t code,
			 struct packet cause, size_t bytes);

/* "Destination unreachable, port unreachable" with the type and code of the family. */
struct packet unreachable(const struct host *from, const struct host *to, struct packet cause);

/* ---- ARP, neighbor discovery, multicast and address configuration --------------------------- */

#define ARP_REQUEST 1
#define ARP_REPLY   2

struct packet arp(uint16_t operation, const struct host *sender, const struct host *target);
struct packet arp_probe(const struct host *sender, const struct host *target); /* RFC 5227 */
struct packet rarp_announce(const struct host *sender); /* what QEMU sends after a migration */

/* With the source, respectively target link-layer address option of the sender. */
struct packet neighbor_solicitation(const struct host *from, const struct host *target);
struct packet neighbor_advertisement(const struct host *from, const struct host *to,
				     const struct host *target);
struct packet router_solicitation(const struct host *from);
struct packet router_advertisement(const struct host *from);
struct packet redirect(const struct host *from, const struct host *to, const struct host *better);

/* Multicast membership, with the router alert that RFC 2236 and RFC 2710 ask for. */
struct packet igmp_report(const struct host *from);
struct packet igmp_query(const struct host *from);
struct packet mld_report(const struct host *from);
struct packet mld_query(const struct host *from);

struct packet dhcp_discover(const struct host *from);
struct packet dhcp_offer(const struct host *from, const struct host *to);
struct packet dhcpv6_solicit(const struct host *from);
struct packet dhcpv6_reply(const struct host *from, const struct host *to);

/* ---- layer 2 -------------------------------------------------------------------------------- */

/* A frame of any Ethernet protocol with `payload` zero bytes. */
struct packet ethernet(const struct host *from, const struct host *to, uint16_t ethertype,
		       size_t payload);
struct packet bpdu(const struct host *from); /* spanning tree, IEEE 802.1D */

struct packet sent_by(const struct host *machine, struct packet packet); /* Ethernet source */
struct packet in_vlan(uint16_t id, struct packet packet);                /* adds an 802.1Q tag */
struct packet in_service_vlan(uint16_t id, struct packet packet);        /* adds an 802.1ad tag */
struct packet in_offloaded_vlan(uint16_t id,
				struct packet packet); /* the tag is not in the frame */
struct packet in_snap(struct packet packet); /* 802.3 length, LLC, SNAP and the EtherType */

/* Several segments in one, as offloads make them. */
struct packet coalesced(uint16_t segment_size, struct packet packet);

/* ---- IP options, extension headers, fragments ----------------------------------------------- */

struct packet with_ip_options(struct bytes options, struct packet packet);

/* Each goes in front of the extension headers that are there. */
struct packet with_hop_by_hop(struct packet packet);
struct packet with_destination_options(struct packet packet);
struct packet with_routing(uint8_t type, struct packet packet);
struct packet with_authentication(struct packet packet);

/* Bytes [offset, offset + length) of what follows the IP header; length 0: the rest. */
struct packet fragment(uint32_t id, size_t offset, size_t length, struct packet packet);

/* ---- lies ----------------------------------------------------------------------------------- */

enum layer { LAYER_FRAME = 0, LAYER_NETWORK = 1 << 16, LAYER_TRANSPORT = 2 << 16 };

/* A byte's place, counted from the layer's first. */
#define FRAME(offset)     (LAYER_FRAME + (offset))
#define NETWORK(offset)   (LAYER_NETWORK + (offset))
#define TRANSPORT(offset) (LAYER_TRANSPORT + (offset))

#define IPV4_VERSION_LENGTH NETWORK(0)
#define IPV4_TOTAL_LENGTH   NETWORK(2)
#define IPV4_FRAGMENT       NETWORK(6)
#define IPV6_VERSION_CLASS  NETWORK(0)
#define IPV6_PAYLOAD_LENGTH NETWORK(4)
#define IPV6_NEXT_HEADER    NETWORK(6)
#define TCP_DATA_OFFSET     TRANSPORT(12)
#define TCP_FLAGS           TRANSPORT(13)
#define UDP_LENGTH          TRANSPORT(4)

struct packet set8(int place, uint8_t value, struct packet packet);
struct packet set16(int place, uint16_t value, struct packet packet);
struct packet set_bytes(int place, const void *value, size_t size, struct packet packet);

/* Cuts the frame at the place; no length field notices. */
struct packet cut_at(int place, struct packet packet);
/* Adds bytes behind the frame's end, as Ethernet padding does. */
struct packet padded(size_t bytes, struct packet packet);

#endif
