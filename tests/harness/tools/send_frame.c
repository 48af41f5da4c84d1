// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * send_frame [OPTIONS] INTERFACE KIND SOURCE DESTINATION: sends frames that the kernel would not
 * send for anyone: with a source of one's choice.
 *
 *   KIND  udp, syn: IPv4 or IPv6 by the addresses; arp: a request, SOURCE asks for DESTINATION
 *   -n COUNT  frames (1); 0: no end -m MAC  source MAC (the interface's own)
 *   -p PORT   destination port (9)  -t MAC  destination MAC (broadcast)
 *   -l PORT   source port (40000); it counts up with every frame, unless
 *   -k        it is kept
 *   -i MS     so long between two frames; a frame that cannot be sent is then left out
 *   -c NAME   content by which watch_frames knows the frame: NAME and its number
 */
#include <err.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arguments.h"
#include "probe_mark.h"

enum kind { KIND_UDP, KIND_SYN, KIND_ARP };

struct plan {
	enum kind kind;
	const char *interface;
	uint8_t source_mac[ETH_ALEN];
	uint8_t target_mac[ETH_ALEN];
	struct endpoint source;
	struct endpoint target;
	uint16_t source_port;
	uint16_t target_port;
	bool keep_port;
	const char *mark;
	int count;
	int interval;
};

/* Two bytes before the Ethernet header put the headers after it where they are aligned. */
struct frame {
	size_t size;
	_Alignas(8) uint8_t padding[2];
	uint8_t data[254];
};

/* Makes room for a header at the end of the frame. */
static void *append(struct frame *frame, size_t size)
{
	void *at = frame->data + frame->size;

	frame->size += size;
	return memset(at, 0, size);
}

static const struct in_addr *v4(const struct endpoint *endpoint)
{
	return &((const struct sockaddr_in *)&endpoint->address)->sin_addr;
}

static const struct in6_addr *v6(const struct endpoint *endpoint)
{
	return &((const struct sockaddr_in6 *)&endpoint->address)->sin6_addr;
}

/* What watch_frames looks for; nothing without a mark. */
static size_t mark_frame(const struct plan *plan, int number, char ret[static PROBE_MARK_BYTES])
{
	if (!plan->mark)
		return 0;
	return (size_t)snprintf(ret, PROBE_MARK_BYTES, PROBE_MARK "%.*s %d ", PROBE_NAME_MAX,
				plan->mark, number);
}

/* One's complement sum of RFC 1071, not yet folded. */
static uint32_t add_sum(uint32_t sum, const void *data, size_t size)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? byte[i] : (uint32_t)byte[i] << 8;
	return sum;
}

static uint16_t finish_sum(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* The checksum of TCP and UDP covers the addresses too (RFC 793, 3.1; RFC 8200, 8.1). */
static uint16_t sum_transport(const struct plan *plan, uint8_t protocol, const void *header,
			      size_t size)
{
	uint32_t sum = protocol + (uint32_t)size;

	if (plan->source.address.ss_family == AF_INET) {
		sum = add_sum(sum, v4(&plan->source), 4);
		sum = add_sum(sum, v4(&plan->target), 4);
	} else {
		sum = add_sum(sum, v6(&plan->source), 16);
		sum = add_sum(sum, v6(&plan->target), 16);
	}
	return finish_sum(add_sum(sum, header, size));
}

static void append_ethernet(struct frame *frame, const struct plan *plan)
{
	struct ether_header *ethernet = append(frame, sizeof(*ethernet));
	uint16_t type = ETHERTYPE_IP;

	if (plan->kind == KIND_ARP)
		type = ETHERTYPE_ARP;
	else if (plan->source.address.ss_family == AF_INET6)
		type = ETHERTYPE_IPV6;
	memcpy(ethernet->ether_dhost, plan->target_mac, ETH_ALEN);
	memcpy(ethernet->ether_shost, plan->source_mac, ETH_ALEN);
	ethernet->ether_type = htons(type);
}

static void append_arp(struct frame *frame, const struct plan *plan)
{
	struct ether_arp *arp = append(frame, sizeof(*arp));

	arp->ea_hdr.ar_hrd = htons(ARPHRD_ETHER);
	arp->ea_hdr.ar_pro = htons(ETHERTYPE_IP);
	arp->ea_hdr.ar_hln = ETH_ALEN;
	arp->ea_hdr.ar_pln = 4;
	arp->ea_hdr.ar_op = htons(ARPOP_REQUEST);
	memcpy(arp->arp_sha, plan->source_mac, ETH_ALEN);
	memcpy(arp->arp_spa, v4(&plan->source), 4);
	memcpy(arp->arp_tpa, v4(&plan->target), 4);
}

static void append_ip(struct frame *frame, const struct plan *plan, uint8_t protocol,
		      size_t payload)
{
	if (plan->source.address.ss_family == AF_INET) {
		struct iphdr *ip = append(frame, sizeof(*ip));

		ip->version = 4;
		ip->ihl = 5;
		ip->ttl = 64;
		ip->protocol = protocol;
		ip->tot_len = htons((uint16_t)(sizeof(*ip) + payload));
		ip->saddr = v4(&plan->source)->s_addr;
		ip->daddr = v4(&plan->target)->s_addr;
		ip->check = finish_sum(add_sum(0, ip, sizeof(*ip)));
	} else {
		struct ip6_hdr *ip6 = append(frame, sizeof(*ip6));

		ip6->ip6_flow = htonl(6U << 28);
		ip6->ip6_plen = htons((uint16_t)payload);
		ip6->ip6_nxt = protocol;
		ip6->ip6_hlim = 64;
		ip6->ip6_src = *v6(&plan->source);
		ip6->ip6_dst = *v6(&plan->target);
	}
}

static void append_udp(struct frame *frame, const struct plan *plan, uint16_t source_port,
		       const char *content, size_t size)
{
	size_t length = sizeof(struct udphdr) + size;
	struct udphdr *udp;

	append_ip(frame, plan, IPPROTO_UDP, length);
	udp = append(frame, length);
	udp->source = htons(source_port);
	udp->dest = htons(plan->target_port);
	udp->len = htons((uint16_t)length);
	memcpy(udp + 1, content, size);
	udp->check = sum_transport(plan, IPPROTO_UDP, udp, length);
}

static void append_syn(struct frame *frame, const struct plan *plan, uint16_t source_port)
{
	struct tcphdr *tcp;

	append_ip(frame, plan, IPPROTO_TCP, sizeof(*tcp));
	tcp = append(frame, sizeof(*tcp));
	tcp->source = htons(source_port);
	tcp->dest = htons(plan->target_port);
	tcp->seq = htonl(1);
	tcp->doff = 5;
	tcp->syn = 1;
	tcp->window = htons(8192);
	tcp->check = sum_transport(plan, IPPROTO_TCP, tcp, sizeof(*tcp));
}

/* A marked ARP request has its mark where Ethernet pads it. */
static void build_frame(const struct plan *plan, int number, struct frame *ret)
{
	uint16_t source_port = (uint16_t)(plan->source_port + (plan->keep_port ? 0 : number));
	char content[PROBE_MARK_BYTES];
	size_t size = mark_frame(plan, number, content);

	ret->size = 0;
	append_ethernet(ret, plan);
	switch (plan->kind) {
	case KIND_ARP:
		append_arp(ret, plan);
		memcpy(append(ret, size), content, size);
		break;
	case KIND_UDP:
		append_udp(ret, plan, source_port, content, size);
		break;
	case KIND_SYN:
		append_syn(ret, plan, source_port);
		break;
	}
}

static void parse_mac(const char *text, uint8_t ret[static ETH_ALEN])
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &ret[0], &ret[1], &ret[2], &ret[3],
		   &ret[4], &ret[5]) != ETH_ALEN)
		errx(2, "%s is not a MAC address", text);
}

static enum kind parse_kind(const char *text)
{
	if (strcmp(text, "udp") == 0)
		return KIND_UDP;
	if (strcmp(text, "syn") == 0)
		return KIND_SYN;
	if (strcmp(text, "arp") == 0)
		return KIND_ARP;
	errx(2, "%s: the kind is udp, syn or arp", text);
}

static int open_interface(const char *name, uint8_t ret_mac[static ETH_ALEN])
{
	struct sockaddr_ll link = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	struct ifreq request = {0};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0 ||
	    bind(fd, (struct sockaddr *)&link, sizeof(link)) < 0)
		err(1, "%s", name);
	memcpy(ret_mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
	return fd;
}

static void parse_plan(int argc, char **argv, struct plan *ret)
{
	const char *source_mac = NULL;
	int option;

	*ret = (struct plan){.source_port = 40000, .target_port = 9, .count = 1};
	memset(ret->target_mac, 0xff, ETH_ALEN);
	while ((option = getopt(argc, argv, "n:m:t:p:l:i:c:k")) != -1) {
		switch (option) {
		case 'n':
			ret->count = parse_number(optarg);
			break;
		case 'm':
			source_mac = optarg;
			break;
		case 't':
			parse_mac(optarg, ret->target_mac);
			break;
		case 'p':
			ret->target_port = (uint16_t)parse_number(optarg);
			break;
		case 'l':
			ret->source_port = (uint16_t)parse_number(optarg);
			break;
		case 'i':
			ret->interval = parse_number(optarg);
			break;
		case 'c':
			ret->mark = optarg;
			break;
		case 'k':
			ret->keep_port = true;
			break;
		default:
			exit(2);
		}
	}
	if (argc - optind != 4)
		errx(2, "usage: send_frame [OPTIONS] INTERFACE udp|syn|arp SOURCE DESTINATION");
	ret->interface = argv[optind];
	ret->kind = parse_kind(argv[optind + 1]);
	ret->source = parse_endpoint(argv[optind + 2], "0");
	ret->target = parse_endpoint(argv[optind + 3], "0");
	if (source_mac)
		parse_mac(source_mac, ret->source_mac);
}

int main(int argc, char **argv)
{
	static const uint8_t no_mac[ETH_ALEN];
	uint8_t own_mac[ETH_ALEN];
	struct frame frame;
	struct plan plan;
	int fd;

	parse_plan(argc, argv, &plan);
	fd = open_interface(plan.interface, own_mac);
	if (memcmp(plan.source_mac, no_mac, ETH_ALEN) == 0)
		memcpy(plan.source_mac, own_mac, ETH_ALEN);
	for (int i = 0; plan.count == 0 || i < plan.count; i++) {
		build_frame(&plan, i, &frame);
		if (send(fd, frame.data, frame.size, 0) < 0 && !plan.interval)
			err(1, "send");
		if (plan.interval)
			poll(NULL, 0, plan.interval);
	}
	return 0;
}
