// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hold [-i MILLISECONDS] ADDRESS PORT COUNT: opens COUNT TCP connections to an echo server and
 * keeps them in use, so that whoever reads its output sees them live, be refused or be cut. Each
 * interval it sends on every connection that has its last answer and prints one line:
 *
 *   alive=4 waiting=1 ended=0 echoes=71
 *
 *   alive    connections whose last message was answered
 *   waiting  not open yet, or not answered for STALL_MS: nothing comes back
 *   ended    closed or reset by the other side
 *   echoes   answers so far, all connections together
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arguments.h"
#include "clock.h"

#define DEFAULT_INTERVAL_MS 100
#define STALL_MS            1500

struct connection {
	int fd;
	bool open;     /* its handshake is done */
	bool asking;   /* a message is under way */
	long asked_at; /* when it was sent */
};

static void open_connection(const struct endpoint *peer, struct connection *ret)
{
	int fd = socket(peer->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	*ret = (struct connection){.fd = fd};
	if (connect(fd, (struct sockaddr *)&peer->address, peer->size) < 0 && errno != EINPROGRESS)
		err(1, "connect");
}

static void end_connection(struct connection *connection)
{
	close(connection->fd);
	connection->fd = -1;
}

static void ask_again(struct connection *connection)
{
	if (connection->fd < 0 || connection->asking)
		return;
	if (send(connection->fd, "x", 1, MSG_NOSIGNAL) == 1) {
		connection->open = true;
		connection->asking = true;
		connection->asked_at = now_ms();
	} else if (errno != EAGAIN && errno != ENOTCONN) {
		end_connection(connection);
	}
}

/* Returns the number of answers that have come. */
static unsigned long take_answers(struct connection *connection)
{
	char data[64];
	ssize_t got;

	if (connection->fd < 0)
		return 0;
	got = recv(connection->fd, data, sizeof(data), 0);
	if (got > 0) {
		connection->asking = false;
		return (unsigned long)got;
	}
	if (got == 0 || (errno != EAGAIN && errno != ENOTCONN))
		end_connection(connection);
	return 0;
}

static void print_round(const struct connection *connections, int count, unsigned long echoes)
{
	int alive = 0, waiting = 0, ended = 0;
	long now = now_ms();

	for (int i = 0; i < count; i++) {
		const struct connection *connection = &connections[i];

		if (connection->fd < 0)
			ended++;
		else if (!connection->open ||
			 (connection->asking && now - connection->asked_at > STALL_MS))
			waiting++;
		else
			alive++;
	}
	printf("alive=%d waiting=%d ended=%d echoes=%lu\n", alive, waiting, ended, echoes);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct rlimit limit = {65536, 65536};
	struct connection *connections;
	int option, count, interval = DEFAULT_INTERVAL_MS;
	unsigned long echoes = 0;
	struct endpoint peer;

	while ((option = getopt(argc, argv, "i:")) != -1) {
		if (option != 'i')
			return 2;
		interval = parse_number(optarg);
	}
	argv += optind;
	if (argc - optind != 3 || parse_number(argv[2]) == 0)
		errx(2, "usage: hold [-i MILLISECONDS] ADDRESS PORT COUNT");
	setrlimit(RLIMIT_NOFILE, &limit);
	peer = parse_endpoint(argv[0], argv[1]);
	count = parse_number(argv[2]);
	connections = calloc((size_t)count, sizeof(*connections));
	if (!connections)
		err(1, "calloc");

	for (int i = 0; i < count; i++)
		open_connection(&peer, &connections[i]);
	for (;;) {
		for (int i = 0; i < count; i++)
			echoes += take_answers(&connections[i]);
		for (int i = 0; i < count; i++)
			ask_again(&connections[i]);
		print_round(connections, count, echoes);
		poll(NULL, 0, interval);
	}
}
