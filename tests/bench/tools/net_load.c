// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a guest does when it is measured; the server is one of:
 *
 *   net_load echo PORT              answers each byte on a TCP connection
 *   net_load accept PORT            accepts TCP connections and closes them
 *   net_load sink PORT SECONDS      takes UDP datagrams for so long: prints packets per second
 *
 * and the client:
 *
 *   net_load ask ADDRESS PORT COUNT      one byte there and back: prints median and 99th percentile
 *                                        in microseconds. Neither side sleeps: to wake a CPU takes
 *                                        many times what any filter does, and never the same.
 *   net_load connect ADDRESS PORT SECONDS  connections one after the other: prints them per second
 *   net_load send ADDRESS PORT SECONDS     UDP datagrams of 18 bytes, in frames of 60: prints
 * packets per second
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/bench/tools/time.h"
#include "tests/harness/tools/arguments.h"

#define DATAGRAM_BYTES 18
#define BATCH          64

static int open_socket(int type, const struct endpoint *endpoint)
{
	int fd = socket(endpoint->address.ss_family, type | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int listen_on(int type, const char *port)
{
	struct endpoint any = parse_endpoint("0.0.0.0", port);
	int fd = open_socket(type, &any);

	if (bind(fd, (struct sockaddr *)&any.address, any.size) < 0)
		err(1, "bind");
	if (type == SOCK_STREAM && listen(fd, 4096) < 0)
		err(1, "listen");
	return fd;
}

static int connect_to(int type, const struct endpoint *peer)
{
	int fd = open_socket(type, peer);

	if (connect(fd, (struct sockaddr *)&peer->address, peer->size) < 0)
		err(1, "connect");
	return fd;
}

/* Without going to sleep; false: the peer has closed. */
static bool await_byte(int fd, char *byte)
{
	for (;;) {
		ssize_t got = recv(fd, byte, 1, MSG_DONTWAIT);

		if (got >= 0)
			return got == 1;
		if (errno != EAGAIN)
			return false;
	}
}

/* ---- servers -------------------------------------------------------------------------------- */

static void echo_bytes(const char *port)
{
	int listener = listen_on(SOCK_STREAM, port), on = 1;

	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char byte;

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		while (await_byte(fd, &byte) && send(fd, &byte, 1, MSG_NOSIGNAL) == 1)
			;
		close(fd);
	}
}

static void accept_and_close(const char *port)
{
	int listener = listen_on(SOCK_STREAM, port);

	for (;;)
		close(accept(listener, NULL, NULL));
}

static void take_datagrams(const char *port, int seconds)
{
	static char bytes[BATCH][64];
	struct mmsghdr messages[BATCH] = {0};
	struct iovec vectors[BATCH];
	int fd = listen_on(SOCK_DGRAM, port);
	double first = 0, last = 0, end = seconds_now() + seconds;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	uint64_t count = 0;

	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){bytes[i], sizeof(bytes[i])};
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (seconds_now() < end) {
		int got;

		if (poll(&ready, 1, 50) <= 0)
			continue;
		got = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
		if (got <= 0)
			continue;
		last = seconds_now();
		if (!count)
			first = last;
		count += (uint64_t)got;
	}
	printf("%.0f\n", last > first ? (double)count / (last - first) : 0);
}

/* ---- clients -------------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void ask(const struct endpoint *peer, int count)
{
	double *times = calloc((size_t)count, sizeof(*times));
	int fd = connect_to(SOCK_STREAM, peer);
	char byte = 'x';

	if (!times)
		err(1, "calloc");
	for (int i = 0; i < count; i++) {
		double start = seconds_now();

		if (send(fd, &byte, 1, 0) != 1 || !await_byte(fd, &byte))
			errx(1, "no answer");
		times[i] = (seconds_now() - start) * 1e6;
	}
	qsort(times, (size_t)count, sizeof(*times), compare_doubles);
	printf("%.2f %.2f\n", times[count / 2], times[(int)((double)count * 0.99)]);
	free(times);
}

static void open_connections(const struct endpoint *peer, int seconds)
{
	double start = seconds_now(), now = start;
	uint64_t count = 0;
	char byte;

	for (; now < start + seconds; now = seconds_now()) {
		int fd = connect_to(SOCK_STREAM, peer);

		if (recv(fd, &byte, 1, 0) != 0)
			errx(1, "the server did not close");
		close(fd);
		count++;
	}
	printf("%.0f\n", (double)count / (now - start));
}

static void send_datagrams(const struct endpoint *peer, int seconds)
{
	static char bytes[DATAGRAM_BYTES];
	struct iovec vector = {bytes, sizeof(bytes)};
	struct mmsghdr messages[BATCH] = {0};
	int fd = connect_to(SOCK_DGRAM, peer);
	double start = seconds_now(), now = start;
	uint64_t count = 0;

	for (int i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = &vector;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (; now < start + seconds; now = seconds_now()) {
		int sent = sendmmsg(fd, messages, BATCH, 0);

		if (sent > 0)
			count += (uint64_t)sent;
		else if (errno != ENOBUFS && errno != EAGAIN)
			err(1, "send");
	}
	printf("%.0f\n", (double)count / (now - start));
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (argc == 3 && strcmp(mode, "echo") == 0)
		echo_bytes(argv[2]);
	else if (argc == 3 && strcmp(mode, "accept") == 0)
		accept_and_close(argv[2]);
	else if (argc == 4 && strcmp(mode, "sink") == 0)
		take_datagrams(argv[2], parse_number(argv[3]));
	else if (argc == 5) {
		struct endpoint peer = parse_endpoint(argv[2], argv[3]);
		int number = parse_number(argv[4]);

		if (strcmp(mode, "ask") == 0 && number > 0)
			ask(&peer, number);
		else if (strcmp(mode, "connect") == 0)
			open_connections(&peer, number);
		else if (strcmp(mode, "send") == 0)
			send_datagrams(&peer, number);
		else
			errx(2, "%s: no such client", mode);
	} else {
		errx(2, "usage: see the source");
	}
	return 0;
}
