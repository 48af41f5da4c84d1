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
		.sll_protocol = htons(ETH_P_ALL),
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

/* A socket address of either family. */
union end_address {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

static socklen_t size_of_address(bool ipv6)
{
	return ipv6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static union end_address end_address(enum side side, struct place place)
{
	static const char *const hosts[2][FAMILIES] = {{"10.0.0.11", "fd00::11"},
						       {"10.0.0.12", "fd00::12"}};
	uint16_t port = (uint16_t)(side == LEFT ? FIRST_PORT + place.run % CLIENT_PORTS
						: SERVICE_PORT + place.run / CLIENT_PORTS);
	union end_address address = {.any.sa_family = place.ipv6 ? AF_INET6 : AF_INET};

	if (place.ipv6) {
		inet_pton(AF_INET6, hosts[side][1], &address.ipv6.sin6_addr);
		address.ipv6.sin6_port = htons(port);
	} else {
		inet_pton(AF_INET, hosts[side][0], &address.ipv4.sin_addr);
		address.ipv4.sin_port = htons(port);
	}
	return address;
}

int open_stack_socket(const struct lane *lane, enum side side, struct place place,
		      bool small_buffers)
{
	union end_address address = end_address(side, place);
	int fd;

	enter(lane->namespaces[side]);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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
	if (bind(fd, &address.any, size_of_address(place.ipv6)) < 0)
		err(2, "bind to the ports of run %u", place.run);
	return fd;
}

int connect_stack_socket(int fd, enum side side, struct place place)
{
	union end_address peer = end_address(!side, place);

	if (connect(fd, &peer.any, size_of_address(place.ipv6)) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

int accept_stack_socket(const struct lane *lane, uint32_t service, bool ipv6, uint16_t *ret_port)
{
	union end_address peer;
	socklen_t size = sizeof(peer);
	int fd = accept4(lane->listeners[service][ipv6], &peer.any, &size,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		*ret_port = ntohs(ipv6 ? peer.ipv6.sin6_port : peer.ipv4.sin_port);
	return fd;
}

static int open_listener(const struct lane *lane, struct place place)
{
	int fd = open_stack_socket(lane, RIGHT, place, false);

	if (listen(fd, BACKLOG) < 0)
		err(2, "listen");
	return fd;
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
		for (int family = 0; family < FAMILIES; family++)
			ret->listeners[i][family] =
				open_listener(ret, (struct place){.run = i * CLIENT_PORTS,
								  .ipv6 = family});
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
