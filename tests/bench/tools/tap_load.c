// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tap_load [-f FIRST] [-t THREADS] DEVICE MAC ADDRESS TO_MAC TO_ADDRESS TO_PORT FLOWS PACKETS: a VM
 * that sends as fast as it can. Writes PACKETS UDP frames of 60 bytes into a tap, each thread
 * through a queue of its own, one flow after the other: a flow is a number, FIRST to FIRST + FLOWS
 * - 1, which gives the source port and the end of the IPv4 address that is sent to. Prints
 *
 *   1000000 0.734 0.698    frames that the tap took, seconds, seconds of CPU
 *
 * tap_load -k DEVICE: a VM that is there and takes nothing: keeps the tap open until it is killed.
 */
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/bench/tools/time.h"
#include "tests/harness/tools/arguments.h"

#define FRAME_BYTES    60
#define PORTS_PER_HOST 50000
#define FIRST_PORT     10000
#define THREADS_MAX    64

struct frame {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[FRAME_BYTES - sizeof(struct ethhdr) - sizeof(struct iphdr) -
			sizeof(struct udphdr)];
} __attribute__((packed));

_Static_assert(sizeof(struct frame) == FRAME_BYTES, "the smallest frame there is");

struct sender {
	int fd;
	struct frame frame;
	uint32_t remote; /* of the first flow */
	uint32_t first, flows, packets;
	uint64_t taken;
	pthread_t thread;
};

static void parse_mac(const char *text, uint8_t mac[6])
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		   &mac[4], &mac[5]) != 6)
		errx(2, "%s is not a MAC address", text);
}

static struct in_addr parse_address(const char *text)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		errx(2, "%s is not an IPv4 address", text);
	return address;
}

static int set_device(int fd, const char *device, short queues)
{
	struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | queues)};

	strncpy(request.ifr_name, device, IFNAMSIZ - 1);
	return ioctl(fd, TUNSETIFF, &request);
}

/* One of the tap's queues, or its only one. */
static int open_queue(const char *device)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0 ||
	    (set_device(fd, device, IFF_MULTI_QUEUE) < 0 && set_device(fd, device, 0) < 0))
		err(1, "tap %s", device);
	return fd;
}

static void make_frame(char **arguments, struct frame *ret)
{
	*ret = (struct frame){
		.ethernet = {.h_proto = htons(ETH_P_IP)},
		.ip = {.version = 4,
		       .ihl = 5,
		       .ttl = 64,
		       .protocol = IPPROTO_UDP,
		       .tot_len = htons(FRAME_BYTES - sizeof(struct ethhdr)),
		       .saddr = parse_address(arguments[1]).s_addr},
		/* No checksum, as IPv4 allows. */
		.udp = {.dest = htons((uint16_t)parse_number(arguments[4])),
			.len = htons(FRAME_BYTES - sizeof(struct ethhdr) - sizeof(struct iphdr))},
	};
	parse_mac(arguments[0], ret->ethernet.h_source);
	parse_mac(arguments[2], ret->ethernet.h_dest);
}

static uint16_t header_checksum(const struct frame *frame)
{
	uint16_t words[sizeof(frame->ip) / 2];
	uint32_t sum = 0;

	memcpy(words, &frame->ip, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void turn_to_flow(struct sender *sender, uint32_t flow)
{
	struct frame *frame = &sender->frame;

	frame->udp.source = htons((uint16_t)(FIRST_PORT + flow % PORTS_PER_HOST));
	frame->ip.daddr = htonl(sender->remote + flow / PORTS_PER_HOST);
	frame->ip.check = 0;
	frame->ip.check = header_checksum(frame);
}

static void *send_frames(void *context)
{
	struct sender *sender = context;

	for (uint32_t i = 0; i < sender->packets; i++) {
		turn_to_flow(sender, sender->first + i % sender->flows);
		if (write(sender->fd, &sender->frame, FRAME_BYTES) == FRAME_BYTES)
			sender->taken++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sender senders[THREADS_MAX] = {0};
	int option, threads = 1, first = 0, flows, packets;
	uint64_t taken = 0;
	double started, cpu_started;
	char **rest;

	while ((option = getopt(argc, argv, "f:t:k:")) != -1) {
		if (option == 'k') {
			open_queue(optarg);
			for (;;)
				pause();
		}
		if (option == 'f')
			first = parse_number(optarg);
		else if (option == 't')
			threads = parse_number(optarg);
		else
			return 2;
	}
	rest = argv + optind;
	if (argc - optind != 8 || threads < 1 || threads > THREADS_MAX)
		errx(2, "usage: tap_load [-f FIRST] [-t THREADS] DEVICE MAC ADDRESS TO_MAC "
			"TO_ADDRESS TO_PORT FLOWS PACKETS");
	flows = parse_number(rest[6]);
	packets = parse_number(rest[7]);
	if (flows < threads)
		errx(2, "each thread needs a flow");
	for (int i = 0; i < threads; i++) {
		struct sender *sender = &senders[i];

		sender->fd = open_queue(rest[0]);
		make_frame(rest + 1, &sender->frame);
		sender->remote = ntohl(parse_address(rest[4]).s_addr);
		sender->flows = (uint32_t)(flows / threads);
		sender->first = (uint32_t)first + (uint32_t)i * sender->flows;
		sender->packets = (uint32_t)(packets / threads);
	}
	started = seconds_now();
	cpu_started = cpu_seconds();
	for (int i = 1; i < threads; i++)
		if (pthread_create(&senders[i].thread, NULL, send_frames, &senders[i]))
			errx(1, "no thread");
	send_frames(&senders[0]);
	for (int i = 1; i < threads; i++)
		pthread_join(senders[i].thread, NULL);
	for (int i = 0; i < threads; i++)
		taken += senders[i].taken;
	printf("%llu %.6f %.6f\n", (unsigned long long)taken, seconds_now() - started,
	       cpu_seconds() - cpu_started);
	return 0;
}
