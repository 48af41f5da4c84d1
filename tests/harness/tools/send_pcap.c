// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * send_pcap INTERFACE: sends the frames of a pcap file that it reads from its standard input, in
 * their order and as they are, and prints how many. The file is in this machine's byte order
 * (https://www.tcpdump.org/manpages/pcap-savefile.5.html).
 */
#include <err.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#define PCAP_MAGIC  0xa1b2c3d4U
#define FRAME_BYTES 65536

struct pcap_header {
	uint32_t magic;
	uint32_t others[5];
};

struct pcap_record {
	uint32_t seconds;
	uint32_t microseconds;
	uint32_t size;
	uint32_t size_on_wire;
};

static int open_interface(const char *name)
{
	struct sockaddr_ll link = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || link.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&link, sizeof(link)) < 0)
		err(1, "%s", name);
	return fd;
}

int main(int argc, char **argv)
{
	static uint8_t frame[FRAME_BYTES];
	struct pcap_header header;
	struct pcap_record record;
	int count = 0;
	int fd;

	if (argc != 2)
		errx(2, "usage: send_pcap INTERFACE <FILE");
	fd = open_interface(argv[1]);
	if (fread(&header, sizeof(header), 1, stdin) != 1 || header.magic != PCAP_MAGIC)
		errx(1, "the input is not a pcap file of this machine");
	while (fread(&record, sizeof(record), 1, stdin) == 1) {
		if (record.size > sizeof(frame) ||
		    fread(frame, 1, record.size, stdin) != record.size)
			errx(1, "frame %d is not whole", count);
		if (send(fd, frame, record.size, 0) < 0)
			err(1, "send");
		count++;
	}
	printf("%d\n", count);
	return 0;
}
