// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * watch_frames [-p PREFIX] [-b PREFIX] FILE: sees the marked frames of send_frame on every device
 * of its network namespace and keeps FILE up to date, a line for each name:
 *
 *   web-allowed tried=812 in=800 out=797
 *
 *   tried  frames seen anywhere
 *   in     those that went on to a guest: seen leaving by a device named PREFIX... of -p (vnet),
 * whose egress programs have let them pass out    those that came through from a guest: seen
 * arriving at a bridge, named PREFIX... of -b (vmbr), which has them from its ports when their
 * ingress programs have let them pass
 *
 * A frame counts once in each, however often it is seen. The last line, "missed=0", has the number
 * of frames that the kernel had no room for: if there are any, the others prove nothing. Frames
 * that went in or out are also printed, the first FIRST_ONES of each name, with the time and the
 * device.
 */
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "arguments.h"
#include "clock.h"
#include "probe_mark.h"

#define NAMES_MAX    64
#define NUMBERS_MAX  (1 << 20)
#define DEVICES_MAX  256
#define FIRST_ONES   10
#define WRITE_MS     50
#define BUFFER_BYTES (64 << 20)
/* The mark comes after Ethernet, IP and UDP. */
#define LOOK_AT 256

/* Numbers that have been seen. */
struct seen {
	uint8_t bits[NUMBERS_MAX / 8];
	unsigned long count;
};

struct probe {
	char name[PROBE_NAME_MAX + 1];
	struct seen tried, in, out;
};

struct device {
	int ifindex;
	char name[IF_NAMESIZE];
};

static struct probe probes[NAMES_MAX];
static size_t probe_count;
static struct device devices[DEVICES_MAX];
static size_t device_count;
static unsigned long missed;
static const char *port_prefix = "vnet", *bridge_prefix = "vmbr";

static struct probe *find_probe(const char *name)
{
	for (size_t i = 0; i < probe_count; i++)
		if (strcmp(probes[i].name, name) == 0)
			return &probes[i];
	if (probe_count == NAMES_MAX)
		errx(1, "more than %d names", NAMES_MAX);
	strcpy(probes[probe_count].name, name);
	return &probes[probe_count++];
}

/* A device's first name: who has gone by the time of the question is "". */
static const char *name_of_device(int ifindex)
{
	struct device *device;

	for (size_t i = 0; i < device_count; i++)
		if (devices[i].ifindex == ifindex)
			return devices[i].name;
	if (device_count == DEVICES_MAX)
		errx(1, "more than %d devices", DEVICES_MAX);
	device = &devices[device_count];
	device->ifindex = ifindex;
	if (!if_indextoname((unsigned int)ifindex, device->name))
		return "";
	device_count++;
	return device->name;
}

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* True when it is new. */
static bool note_number(struct seen *seen, unsigned int number)
{
	uint8_t bit = (uint8_t)(1U << number % 8);

	if (seen->bits[number / 8] & bit)
		return false;
	seen->bits[number / 8] |= bit;
	seen->count++;
	return true;
}

static void note_passed(struct probe *probe, struct seen *seen, unsigned int number,
			const char *device)
{
	if (note_number(seen, number) && seen->count <= FIRST_ONES)
		printf("%ld ms: %s %u went %s by %s\n", now_ms(), probe->name, number,
		       seen == &probe->in ? "in" : "out", device[0] ? device : "a device now gone");
}

/* What leaves by a device that is gone already is taken for a guest's: bridges stay. */
static void note_frame(const char *frame, size_t size, const struct sockaddr_ll *from)
{
	char text[PROBE_MARK_BYTES] = "", name[PROBE_NAME_MAX + 1];
	const char *mark = memmem(frame, size, PROBE_MARK, strlen(PROBE_MARK)), *device;
	bool leaving = from->sll_pkttype == PACKET_OUTGOING;
	struct probe *probe;
	unsigned int number;
	size_t left;

	if (!mark)
		return;
	mark += strlen(PROBE_MARK);
	left = size - (size_t)(mark - frame);
	memcpy(text, mark, left < sizeof(text) ? left : sizeof(text) - 1);
	if (sscanf(text, "%31s %u", name, &number) != 2 || number >= NUMBERS_MAX)
		return;
	probe = find_probe(name);
	device = name_of_device(from->sll_ifindex);
	note_number(&probe->tried, number);
	if (leaving && (!device[0] || begins_with(device, port_prefix)))
		note_passed(probe, &probe->in, number, device);
	else if (!leaving && begins_with(device, bridge_prefix))
		note_passed(probe, &probe->out, number, device);
}

/* Takes all that waits. True if there was any. */
static bool read_frames(int fd)
{
	char frame[LOOK_AT];
	struct sockaddr_ll from;
	bool any = false;

	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t got = recvfrom(fd, frame, sizeof(frame), MSG_DONTWAIT,
				       (struct sockaddr *)&from, &size);

		/* A device that goes down is an error of the socket's, and none of ours. */
		if (got < 0 && errno == ENETDOWN)
			continue;
		if (got < 0)
			return any;
		note_frame(frame, (size_t)got, &from);
		any = true;
	}
}

/* Whoever reads the file finds it whole. */
static void write_counts(int fd, const char *path)
{
	struct tpacket_stats stats = {0};
	socklen_t size = sizeof(stats);
	char new_path[4096];
	FILE *file;

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
		missed += stats.tp_drops;
	snprintf(new_path, sizeof(new_path), "%s.new", path);
	file = fopen(new_path, "w");
	if (!file)
		err(1, "%s", new_path);
	for (size_t i = 0; i < probe_count; i++)
		fprintf(file, "%s tried=%lu in=%lu out=%lu\n", probes[i].name,
			probes[i].tried.count, probes[i].in.count, probes[i].out.count);
	fprintf(file, "missed=%lu\n", missed);
	if (fclose(file) != 0 || rename(new_path, path) < 0)
		err(1, "%s", path);
	fflush(stdout);
}

static int open_all_devices(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), bytes = BUFFER_BYTES;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		err(1, "packet socket");
	return fd;
}

int main(int argc, char **argv)
{
	struct pollfd polled = {.events = POLLIN};
	int option;

	while ((option = getopt(argc, argv, "p:b:")) != -1) {
		if (option == 'p')
			port_prefix = optarg;
		else if (option == 'b')
			bridge_prefix = optarg;
		else
			return 2;
	}
	if (argc - optind != 1)
		errx(2, "usage: watch_frames [-p PREFIX] [-b PREFIX] FILE");
	polled.fd = open_all_devices();
	write_counts(polled.fd, argv[optind]);
	for (;;) {
		poll(&polled, 1, -1);
		if (read_frames(polled.fd))
			write_counts(polled.fd, argv[optind]);
		poll(NULL, 0, WRITE_MS);
	}
}
