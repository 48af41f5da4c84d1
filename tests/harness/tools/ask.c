// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ask [-w SECONDS] [-p LOCAL_PORT] tcp|udp ADDRESS PORT: sends one line to an echo server and says
 * what came of it, in one word on stdout and as exit status:
 *
 *   answered 0   the line came back
 *   silence  1   nothing came back in time: something on the way drops
 *   refused  2   the other side said no (RST, port unreachable)
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "arguments.h"
#include "clock.h"

#define DEFAULT_SECONDS 2

static const char line[] = "are you there?\n";

static long deadline;

static int report(const char *word, int status)
{
	puts(word);
	return status;
}

static int report_error(int error)
{
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
		return report("refused", 2);
	case EAGAIN:
	case EHOSTUNREACH:
	case ETIMEDOUT:
		return report("silence", 1);
	default:
		errno = error;
		err(3, "ask");
	}
}

static int wait_for(int fd, short events)
{
	struct pollfd polled = {.fd = fd, .events = events};
	long left = deadline - now_ms();
	socklen_t size = sizeof(int);
	int error = 0;

	if (left <= 0 || poll(&polled, 1, (int)left) <= 0)
		return EAGAIN;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

static void bind_port(int fd, int family, int port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
		 family == AF_INET ? sizeof(v4) : sizeof(v6)) < 0)
		err(3, "local port %d", port);
}

int main(int argc, char **argv)
{
	int option, type, fd, error, seconds = DEFAULT_SECONDS, local_port = 0;
	struct endpoint peer;
	char answer[sizeof(line)];

	while ((option = getopt(argc, argv, "w:p:")) != -1) {
		if (option == 'w')
			seconds = parse_number(optarg);
		else if (option == 'p')
			local_port = parse_number(optarg);
		else
			return 3;
	}
	argv += optind;
	if (argc - optind != 3)
		errx(3, "usage: ask [-w SECONDS] [-p LOCAL_PORT] tcp|udp ADDRESS PORT");
	type = strcmp(argv[0], "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
	peer = parse_endpoint(argv[1], argv[2]);
	deadline = now_ms() + seconds * 1000L;

	fd = socket(peer.address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(3, "socket");
	if (local_port)
		bind_port(fd, peer.address.ss_family, local_port);
	if (connect(fd, (struct sockaddr *)&peer.address, peer.size) < 0 && errno != EINPROGRESS)
		return report_error(errno);
	error = wait_for(fd, POLLOUT);
	if (error)
		return report_error(error);
	if (send(fd, line, sizeof(line), MSG_NOSIGNAL) < 0)
		return report_error(errno);
	error = wait_for(fd, POLLIN);
	if (error)
		return report_error(error);
	if (recv(fd, answer, sizeof(answer), 0) <= 0)
		return report("refused", 2);
	return report("answered", 0);
}
