// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many short connections over few ports, as fast as they go:
 *
 *   churn serve PORT
 *   churn run ADDRESS PORT SECONDS FIRST-PORT COUNT
 *
 * The client uses COUNT ports of its own again and again. How a connection ends follows from the
 * port it comes from: the client closes first, the server does, both at once without waiting for
 * each other, or the client resets it.
 *
 * A connection hangs if its stack gives up on it. Prints "N connections, N hung, N reset, N ports
 * busy": the last are attempts that the client's own stack refuses, because the port still waits.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "arguments.h"
#include "clock.h"

#define THREADS         24
#define MESSAGE_BYTES   64
#define USER_TIMEOUT_MS 20000
#define SYN_ATTEMPTS    12

enum ending { CLIENT_FIRST, SERVER_FIRST, BOTH_AT_ONCE, CLIENT_RESETS, ENDINGS };

static atomic_ulong done, hung, reset, busy;

static enum ending ending_of(uint16_t client_port)
{
	return client_port % ENDINGS;
}

static void set_number(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)) < 0)
		err(1, "setsockopt");
}

static int open_stream(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	set_number(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
	set_number(fd, IPPROTO_TCP, TCP_SYNCNT, SYN_ATTEMPTS);
	set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, 5);
	set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, 3);
	set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, 5);
	return fd;
}

/* These return 0 or -errno. */
static int say(int fd)
{
	char message[MESSAGE_BYTES] = {0};

	return send(fd, message, sizeof(message), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Until so many bytes have come, or the other side sends no more. */
static int hear(int fd, size_t wanted)
{
	char bytes[MESSAGE_BYTES];

	while (wanted > 0) {
		ssize_t got = recv(fd, bytes, wanted < sizeof(bytes) ? wanted : sizeof(bytes), 0);

		if (got < 0)
			return -errno;
		if (got == 0)
			return 0;
		wanted -= (size_t)got;
	}
	return 0;
}

/* To the end of the other side's stream. */
static int hear_all(int fd)
{
	return hear(fd, SIZE_MAX);
}

static int end_stream(int fd)
{
	return shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
}

/* ---- server --------------------------------------------------------------------------------- */

static void serve_connection(int fd, enum ending ending)
{
	if (ending == BOTH_AT_ONCE) {
		say(fd);
		end_stream(fd);
		hear_all(fd);
		return;
	}
	hear(fd, MESSAGE_BYTES);
	say(fd);
	if (ending == SERVER_FIRST)
		end_stream(fd);
	hear_all(fd);
}

static void *serve(void *listener)
{
	for (;;) {
		struct sockaddr_in peer;
		socklen_t size = sizeof(peer);
		int fd = accept(*(int *)listener, (struct sockaddr *)&peer, &size);

		if (fd < 0)
			continue;
		serve_connection(fd, ending_of(ntohs(peer.sin_port)));
		close(fd);
	}
	return NULL;
}

static void run_server(const char *port)
{
	struct endpoint any = parse_endpoint("0.0.0.0", port);
	int listener = open_stream();
	pthread_t thread;

	if (bind(listener, (struct sockaddr *)&any.address, any.size) < 0 ||
	    listen(listener, 4096) < 0)
		err(1, "port %s", port);
	/* Those that wait for a client's end must not keep others waiting. */
	for (int i = 0; i < 4 * THREADS; i++) {
		if (pthread_create(&thread, NULL, serve, &listener))
			errx(1, "pthread_create");
	}
	pause();
}

/* ---- client --------------------------------------------------------------------------------- */

struct client {
	struct endpoint server;
	uint16_t first, count;
	long until; /* ms */
};

static int talk(int fd, enum ending ending)
{
	int r = say(fd);

	if (r == 0 && ending == BOTH_AT_ONCE)
		r = end_stream(fd);
	if (r == 0 && ending != BOTH_AT_ONCE && ending != SERVER_FIRST)
		r = hear(fd, MESSAGE_BYTES);
	if (r == 0 && ending == CLIENT_FIRST)
		r = end_stream(fd);
	if (r == 0 && ending != CLIENT_RESETS)
		r = hear_all(fd);
	return r;
}

static int connect_from(int fd, const struct client *client, uint16_t port)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0)
		return -errno;
	return connect(fd, (struct sockaddr *)&client->server.address, client->server.size) < 0
		       ? -errno
		       : 0;
}

static void note(int error, uint16_t port)
{
	if (error == 0) {
		done++;
	} else if (error == -EADDRINUSE || error == -EADDRNOTAVAIL) {
		busy++;
	} else if (error == -ETIMEDOUT || error == -EHOSTUNREACH) {
		hung++;
		fprintf(stderr, "port %u hangs\n", port);
	} else {
		reset++;
		fprintf(stderr, "port %u: %s\n", port, strerror(-error));
	}
}

static void use_port(const struct client *client, uint16_t port)
{
	struct linger at_once = {.l_onoff = 1};
	enum ending ending = ending_of(port);
	int fd = open_stream(), r = connect_from(fd, client, port);

	if (r == 0)
		r = talk(fd, ending);
	if (ending == CLIENT_RESETS)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
	note(r, port);
}

static void *churn(void *argument)
{
	const struct client *client = argument;

	while (now_ms() < client->until) {
		for (uint16_t i = 0; i < client->count; i++)
			use_port(client, (uint16_t)(client->first + i));
	}
	return NULL;
}

static void run_clients(char **argv)
{
	struct endpoint server = parse_endpoint(argv[0], argv[1]);
	long until = now_ms() + parse_number(argv[2]) * 1000L;
	uint16_t first = (uint16_t)parse_number(argv[3]);
	uint16_t each = (uint16_t)(parse_number(argv[4]) / THREADS);
	struct client clients[THREADS];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		clients[i] = (struct client){
			.server = server,
			.first = (uint16_t)(first + i * each),
			.count = each,
			.until = until,
		};
		if (pthread_create(&threads[i], NULL, churn, &clients[i]))
			errx(1, "pthread_create");
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%lu connections, %lu hung, %lu reset, %lu ports busy\n", done, hung, reset, busy);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		run_server(argv[2]);
	else if (argc == 7 && !strcmp(argv[1], "run"))
		run_clients(argv + 2);
	else
		errx(2, "usage: churn serve PORT | run ADDRESS PORT SECONDS FIRST-PORT COUNT");
	return 0;
}
