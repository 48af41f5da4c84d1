/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probes. Checksums are left out: the programs look at none.
 */
#include "hostd/datapath/queries/probe.h"

#include <string.h>

#include <arpa/inet.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include "hostd/base/address.h"

#define HOP_LIMIT   64
#define TCP_WINDOW  64240
#define OTHER_BYTES 8  /* of a protocol whose header is not known here; ICMP's header */
#define SCTP_BYTES  12 /* common header, RFC 9260, 3.1 */

/* The other side's; any unicast address will do. */
static const uint8_t remote_mac[MAC_BYTES] = {0x02, 0, 0, 0, 0, 1};

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP;
}

static size_t transport_bytes(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return sizeof(struct tcphdr);
	case IPPROTO_SCTP:
		return SCTP_BYTES;
	default:
		return OTHER_BYTES;
	}
}

static size_t write_type(uint16_t type, uint8_t *to)
{
	type = htons(type);
	memcpy(to, &type, sizeof(type));
	return sizeof(type);
}

/* The EtherType and the id of a tag. */
static size_t write_tag(uint16_t type, uint32_t id, uint8_t *to)
{
	return write_type(type, to) + write_type((uint16_t)id, to + 2);
}

/* IEEE 802.1Q; of two tags the outer one is IEEE 802.1ad's. */
static size_t write_ethernet(const struct probe *probe, uint8_t *to)
{
	bool out = probe->direction == DIRECTION_OUT;
	uint32_t outer = OUTER_VLAN(probe->vlans), inner = INNER_VLAN(probe->vlans);
	struct ether_header *ethernet = (struct ether_header *)to;
	size_t length = offsetof(struct ether_header, ether_type);

	memcpy(ethernet->ether_shost, out ? probe->mac : remote_mac, MAC_BYTES);
	memcpy(ethernet->ether_dhost, out ? remote_mac : probe->mac, MAC_BYTES);
	if (outer)
		length += write_tag(inner ? ETH_P_8021AD : ETH_P_8021Q, outer, to + length);
	if (inner)
		length += write_tag(ETH_P_8021Q, inner, to + length);
	return length +
	       write_type(is_ipv4(probe->local) ? ETHERTYPE_IP : ETHERTYPE_IPV6, to + length);
}

/* Headers are filled beside the frame and copied: behind 14 bytes of Ethernet they are not where
 * the compiler expects structs to be. */
static size_t write_ipv4(const struct probe *probe, size_t payload, const uint8_t *source,
			 const uint8_t *destination, uint8_t *to)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tot_len = htons((uint16_t)(sizeof(ip) + payload)),
		.ttl = HOP_LIMIT,
		.protocol = probe->protocol,
	};

	memcpy(&ip.saddr, source + ADDRESS_BYTES - sizeof(ip.saddr), sizeof(ip.saddr));
	memcpy(&ip.daddr, destination + ADDRESS_BYTES - sizeof(ip.daddr), sizeof(ip.daddr));
	memcpy(to, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t write_ipv6(const struct probe *probe, size_t payload, const uint8_t *source,
			 const uint8_t *destination, uint8_t *to)
{
	struct ip6_hdr ip = {0};

	ip.ip6_flow = htonl(6U << 28);
	ip.ip6_plen = htons((uint16_t)payload);
	ip.ip6_nxt = probe->protocol;
	ip.ip6_hlim = HOP_LIMIT;
	memcpy(&ip.ip6_src, source, ADDRESS_BYTES);
	memcpy(&ip.ip6_dst, destination, ADDRESS_BYTES);
	memcpy(to, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t write_ip(const struct probe *probe, size_t payload, uint8_t *to)
{
	bool out = probe->direction == DIRECTION_OUT;
	const uint8_t *source = out ? probe->local : probe->remote;
	const uint8_t *destination = out ? probe->remote : probe->local;

	return is_ipv4(probe->local) ? write_ipv4(probe, payload, source, destination, to)
				     : write_ipv6(probe, payload, source, destination, to);
}

static void write_tcp(uint16_t source, uint16_t destination, uint8_t *to)
{
	struct tcphdr tcp = {.source = source, .dest = destination};

	tcp.doff = sizeof(tcp) / 4;
	tcp.syn = 1;
	tcp.window = htons(TCP_WINDOW);
	memcpy(to, &tcp, sizeof(tcp));
}

static void write_transport(const struct probe *probe, uint8_t *to)
{
	bool out = probe->direction == DIRECTION_OUT;
	const uint16_t ports[2] = {htons(out ? probe->local_port : probe->remote_port),
				   htons(out ? probe->remote_port : probe->local_port)};
	const struct udphdr udp = {.source = ports[0], .dest = ports[1], .len = htons(OTHER_BYTES)};

	if (probe->protocol == IPPROTO_ICMP || probe->protocol == IPPROTO_ICMPV6) {
		to[0] = probe->icmp_type;
		to[1] = probe->icmp_code;
	} else if (probe->protocol == IPPROTO_TCP) {
		write_tcp(ports[0], ports[1], to);
	} else if (probe->protocol == IPPROTO_UDP) {
		memcpy(to, &udp, sizeof(udp));
	} else if (has_ports(probe->protocol)) {
		memcpy(to, ports, sizeof(ports));
	}
}

size_t build_probe(const struct probe *probe, uint8_t frame[static PROBE_BYTES_MAX])
{
	size_t payload = transport_bytes(probe->protocol), length;

	memset(frame, 0, PROBE_BYTES_MAX);
	length = write_ethernet(probe, frame);
	length += write_ip(probe, payload, frame + length);
	write_transport(probe, frame + length);
	return length + payload;
}

/* Of what a guest sends to a group or to everybody the session is with that, without the local
 * address: see widen_multicast_key() in bpf/related.h. */
static void widen_key(const struct probe *probe, struct session_key *key)
{
	const uint8_t *remote = probe->remote;
	bool v4 = is_ipv4(remote);

	if (probe->direction != DIRECTION_OUT)
		return;
	if (v4 ? remote[12] >> 4 == 14 || !memcmp(remote + 12, "\xff\xff\xff\xff", 4)
	       : remote[0] == 0xff) {
		memset(key->local, 0, ADDRESS_BYTES);
		if (v4)
			key->local[2] = htonl(0xffff); /* ::ffff:0.0.0.0 */
	}
}

struct session_key key_of_probe(const struct probe *probe)
{
	struct session_key key = {.protocol = probe->protocol};
	bool icmp = probe->protocol == IPPROTO_ICMP || probe->protocol == IPPROTO_ICMPV6;

	set_key_vlans(&key, probe->vlans);
	memcpy(key.local, probe->local, ADDRESS_BYTES);
	memcpy(key.remote, probe->remote, ADDRESS_BYTES);
	if (has_ports(probe->protocol)) {
		key.local_port = htons(probe->local_port);
		key.remote_port = htons(probe->remote_port);
	} else if (icmp) {
		/* The side that is asked has the query's type as its port: see abi.h. */
		if (probe->direction == DIRECTION_OUT)
			key.remote_port = htons(probe->icmp_type);
		else
			key.local_port = htons(probe->icmp_type);
	}
	widen_key(probe, &key);
	return key;
}
