// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * time_closing [-n COUNT] BRIDGE: makes taps one after the other, named as libvirt names them, puts
 * each into the bridge as libvirt does, and sends frames both ways as fast as it can until none has
 * passed for QUIET_US. Prints, for frames to the guest's side (in) and from it (out), how long
 * after the tap's appearance the last one passed:
 *
 *   in   taps=50 none-passed=48 median=0us worst=212us frames=19
 *
 * A tap that lets frames pass for OPEN_US is not closed by anybody, and ends the program.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "arguments.h"

#define QUIET_US    100000L
#define OPEN_US     2000000L
#define PAUSE_MS    100 /* for vmseg-hostd to take leave of a tap */
#define FIRST_NAME  900
#define FRAME_BYTES 60
/* IEEE Std 802 - Local Experimental Ethertype 1 */
#define ETHERTYPE_OWN 0x88b5

/* One direction over all taps. */
struct tally {
	long *last; /* of each tap: when its last frame passed, in us after its appearance; 0: none
		     */
	unsigned long frames;
};

static long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int open_bridge(const char *bridge)
{
	struct sockaddr_ll link = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETHERTYPE_OWN),
		.sll_ifindex = (int)if_nametoindex(bridge),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&link, sizeof(link)) < 0)
		err(1, "%s", bridge);
	return fd;
}

static int make_tap(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		err(1, "%s", name);
	return fd;
}

static void join_bridge(int control, const char *bridge, const char *name)
{
	struct ifreq request = {.ifr_ifindex = (int)if_nametoindex(name)};

	snprintf(request.ifr_name, IFNAMSIZ, "%s", bridge);
	if (ioctl(control, SIOCBRADDIF, &request) < 0)
		err(1, "%s into %s", name, bridge);
	memset(&request, 0, sizeof(request));
	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	request.ifr_flags = IFF_UP;
	if (ioctl(control, SIOCSIFFLAGS, &request) < 0)
		err(1, "%s up", name);
}

static void fill_frame(uint8_t frame[static FRAME_BYTES])
{
	struct ether_header *ethernet = (struct ether_header *)frame;

	memset(frame, 0, FRAME_BYTES);
	memset(ethernet->ether_dhost, 0xff, ETH_ALEN);
	memcpy(ethernet->ether_shost, "\x52\x54\x00\x77\x99\x99", ETH_ALEN);
	ethernet->ether_type = htons(ETHERTYPE_OWN);
}

/* Takes our frames that have come; others are none of ours. */
static unsigned long count_frames(int fd)
{
	uint8_t frame[2048];
	unsigned long count = 0;
	ssize_t got;

	while ((got = read(fd, frame, sizeof(frame))) > 0)
		if (got >= FRAME_BYTES &&
		    ((struct ether_header *)frame)->ether_type == htons(ETHERTYPE_OWN))
			count++;
	return count;
}

static long note_frames(struct tally *tally, int tap, unsigned long count, long start)
{
	if (!count)
		return 0;
	tally->frames += count;
	tally->last[tap] = now_us() - start;
	return tally->last[tap];
}

static void try_tap(int control, int bridge, const char *bridge_name, int number, struct tally *in,
		    struct tally *out)
{
	long start = now_us(), last = 0, now = 0;
	uint8_t frame[FRAME_BYTES];
	char name[IFNAMSIZ];
	int tap;

	fill_frame(frame);
	snprintf(name, sizeof(name), "vnet%d", FIRST_NAME + number);
	tap = make_tap(name);
	join_bridge(control, bridge_name, name);
	while (now - last < QUIET_US) {
		long seen;

		if ((write(tap, frame, sizeof(frame)) < 0 ||
		     write(bridge, frame, sizeof(frame)) < 0) &&
		    errno != EAGAIN && errno != ENOBUFS)
			err(1, "%s", name);
		seen = note_frames(in, number, count_frames(tap), start);
		last = seen > last ? seen : last;
		seen = note_frames(out, number, count_frames(bridge), start);
		last = seen > last ? seen : last;
		now = now_us() - start;
		if (last > OPEN_US)
			errx(1, "%s is not closed", name);
	}
	close(tap);
	poll(NULL, 0, PAUSE_MS);
}

static int compare_times(const void *a, const void *b)
{
	long first = *(const long *)a, second = *(const long *)b;

	return (first > second) - (first < second);
}

static void print_tally(const char *direction, struct tally *tally, int count)
{
	int none = 0;

	qsort(tally->last, (size_t)count, sizeof(long), compare_times);
	while (none < count && tally->last[none] == 0)
		none++;
	printf("%-4s taps=%d none-passed=%d median=%ldus worst=%ldus frames=%lu\n", direction,
	       count, none, tally->last[count / 2], tally->last[count - 1], tally->frames);
}

int main(int argc, char **argv)
{
	int option, count = 50, control, bridge;
	struct tally in = {0}, out = {0};

	while ((option = getopt(argc, argv, "n:")) != -1) {
		if (option != 'n')
			return 2;
		count = parse_number(optarg);
	}
	if (argc - optind != 1 || count == 0)
		errx(2, "usage: time_closing [-n COUNT] BRIDGE");
	control = socket(AF_INET, SOCK_DGRAM, 0);
	bridge = open_bridge(argv[optind]);
	in.last = calloc((size_t)count, sizeof(long));
	out.last = calloc((size_t)count, sizeof(long));
	if (control < 0 || !in.last || !out.last)
		err(1, "time_closing");
	for (int i = 0; i < count; i++)
		try_tap(control, bridge, argv[optind], i, &in, &out);
	print_tally("in", &in, count);
	print_tally("out", &out, count);
	return 0;
}
