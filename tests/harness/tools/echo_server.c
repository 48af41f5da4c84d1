// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * echo_server PORT...: answers on every TCP and UDP port named, over IPv4 and IPv6, with what it
 * was sent. Ends when it is killed.
 */
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "arguments.h"

#define EVENTS_AT_ONCE 64

enum role { ROLE_LISTENER, ROLE_CONNECTION, ROLE_DATAGRAMS };

static int epoll;

static void watch(int fd, enum role role)
{
	struct epoll_event event = {
		.events = EPOLLIN,
		.data.u64 = (uint64_t)role << 32 | (uint32_t)fd,
	};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
}

static void open_port(int type, int port)
{
	struct sockaddr_in6 address = {
		.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)port),
	};
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, off = 0;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "port %d", port);
	if (type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0)
		err(1, "port %d", port);
	watch(fd, type == SOCK_STREAM ? ROLE_LISTENER : ROLE_DATAGRAMS);
}

static void accept_connection(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		watch(fd, ROLE_CONNECTION);
}

static void echo_stream(int fd)
{
	char data[16384];
	ssize_t got = read(fd, data, sizeof(data));

	if (got > 0 && send(fd, data, (size_t)got, MSG_NOSIGNAL) == got)
		return;
	if (got < 0 && errno == EAGAIN)
		return;
	close(fd);
}

static void echo_datagram(int fd)
{
	struct sockaddr_in6 peer;
	socklen_t size = sizeof(peer);
	char data[2048];
	ssize_t got = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&peer, &size);

	if (got >= 0)
		sendto(fd, data, (size_t)got, 0, (struct sockaddr *)&peer, size);
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		errx(2, "usage: echo_server PORT...");
	raise_descriptor_limit();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 1; i < argc; i++) {
		open_port(SOCK_STREAM, parse_number(argv[i]));
		open_port(SOCK_DGRAM, parse_number(argv[i]));
	}
	for (;;) {
		struct epoll_event events[EVENTS_AT_ONCE];
		int count = epoll_wait(epoll, events, EVENTS_AT_ONCE, -1);

		for (int i = 0; i < count; i++) {
			int fd = (int)(uint32_t)events[i].data.u64;

			switch ((enum role)(events[i].data.u64 >> 32)) {
			case ROLE_LISTENER:
				accept_connection(fd);
				break;
			case ROLE_CONNECTION:
				echo_stream(fd);
				break;
			case ROLE_DATAGRAMS:
				echo_datagram(fd);
				break;
			}
		}
	}
}
