// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stacks/lane.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG      65535
#define WIRE_BUFFER  (64 << 20)
#define SMALL_BUFFER 4096

/* When an end gives up on one that does not answer: its stack's decision, with time to spare for a
 * busy machine. Seconds, but for the last. */
#define KEEPALIVE_IDLE     4
#define KEEPALIVE_INTERVAL 3
#define KEEPALIVE_PROBES   5
#define SYN_ATTEMPTS       12
#define USER_TIMEOUT_MS    15000

static int home = -1;

static int open_namespace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(2, "%s", path);
	return fd;
}

static void enter(int namespace)
{
	if (setns(namespace, CLONE_NEWNET) < 0)
		err(2, "setns");
}

static void set_option(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		err(2, "setsockopt %d %d", level, option);
}

static int open_wire(const char *lane, const char *end)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
	};
	char device[IF_NAMESIZE];
	int fd;

	snprintf(device, sizeof(device), "%s-%s", lane, end);
	address.sll_ifindex = (int)if_nametoindex(device);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (!address.sll_ifindex || fd < 0)
		err(2, "%s", device);
	set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, WIRE_BUFFER);
	set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, WIRE_BUFFER);
	set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(2, "bind to %s", device);
	return fd;
}

static struct sockaddr_in end_address(enum side side, uint32_t run)
{
	struct sockaddr_in address = {.sin_family = AF_INET};

	inet_pton(AF_INET, side == LEFT ? LEFT_ADDRESS : RIGHT_ADDRESS, &address.sin_addr);
	address.sin_port = htons((uint16_t)(side == LEFT ? FIRST_PORT + run % CLIENT_PORTS
							 : SERVICE_PORT + run / CLIENT_PORTS));
	return address;
}

int open_stack_socket(const struct lane *lane, enum side side, uint32_t run, bool small_buffers)
{
	struct sockaddr_in address = end_address(side, run);
	int fd;

	enter(lane->namespaces[side]);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enter(home);
	if (fd < 0)
		err(2, "socket");
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
	set_option(fd, IPPROTO_TCP, TCP_SYNCNT, SYN_ATTEMPTS);
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
	if (small_buffers)
		set_option(fd, SOL_SOCKET, SO_RCVBUF, SMALL_BUFFER);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(2, "bind to port %u", ntohs(address.sin_port));
	return fd;
}

int connect_stack_socket(int fd, enum side side, uint32_t run)
{
	struct sockaddr_in peer = end_address(!side, run);

	if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

void open_lane(const char *name, uint32_t services, struct lane *ret)
{
	static const char *const sides[] = {"left", "right"};
	char path[64];

	if (home < 0)
		home = open_namespace("/proc/self/ns/net");
	ret->name = name;
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/run/netns/%s-%s", name, sides[i]);
		ret->namespaces[i] = open_namespace(path);
	}
	ret->wires[LEFT] = open_wire(name, "lw");
	ret->wires[RIGHT] = open_wire(name, "rw");
	if (services > SERVICES_MAX)
		errx(2, "that many runs have no ports");
	for (uint32_t i = 0; i < services; i++) {
		ret->listeners[i] = open_stack_socket(ret, RIGHT, i * CLIENT_PORTS, false);
		if (listen(ret->listeners[i], BACKLOG) < 0)
			err(2, "listen");
	}
}

static uint32_t run_of_ports(uint32_t client, uint32_t service)
{
	if (client < FIRST_PORT || client >= FIRST_PORT + CLIENT_PORTS || service < SERVICE_PORT ||
	    service >= SERVICE_PORT + SERVICES_MAX)
		return UINT32_MAX;
	return (service - SERVICE_PORT) * CLIENT_PORTS + client - FIRST_PORT;
}

uint32_t run_of_segment(const struct segment_view *view, enum side from)
{
	return from == LEFT ? run_of_ports(view->source_port, view->destination_port)
			    : run_of_ports(view->destination_port, view->source_port);
}

uint32_t run_of_peer(uint32_t service, uint16_t peer_port)
{
	return run_of_ports(peer_port, SERVICE_PORT + service);
}
