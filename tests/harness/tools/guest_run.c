// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest_run [-t SECONDS] SOCKET COMMAND...: runs a command inside a test VM, prints its output and
 * ends with its status. SOCKET is the host's end of the VM's virtio-serial port. A VM that still
 * boots is waited for.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "arguments.h"
#include "clock.h"
#include "guest_protocol.h"

#define DEFAULT_SECONDS 20
/* For the boot of a VM on a busy machine, and for the way there and back. */
#define GRACE_SECONDS 240
/* No guest command ends with this: the VM was not reached. */
#define EXIT_UNREACHED 125

static long deadline;

static void await_input(int fd)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	long left = deadline - now_ms();

	if (left <= 0 || poll(&polled, 1, (int)left) <= 0)
		errx(EXIT_UNREACHED, "the VM does not answer");
}

static void read_exactly(int fd, char *out, size_t size)
{
	while (size > 0) {
		ssize_t got;

		await_input(fd);
		got = read(fd, out, size);
		if (got <= 0)
			errx(EXIT_UNREACHED, "the VM has gone away");
		out += got;
		size -= (size_t)got;
	}
}

static void write_exactly(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t put = send(fd, text, size, MSG_NOSIGNAL);

		if (put < 0)
			err(EXIT_UNREACHED, "asking the VM");
		text += put;
		size -= (size_t)put;
	}
}

static int connect_guest(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "%s: path too long for a socket", path);
	memcpy(address.sun_path, path, strlen(path));
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(EXIT_UNREACHED, "%s", path);
	return fd;
}

static void join_words(char **words, char *out, size_t size)
{
	size_t length = 0;

	for (; *words; words++) {
		int put = snprintf(out + length, size - length, "%s%s", length ? " " : "", *words);

		if (put < 0 || (size_t)put >= size - length)
			errx(2, "the command is too long");
		length += (size_t)put;
	}
}

static void read_line(int fd, char *out, size_t size)
{
	size_t length = 0;

	do {
		read_exactly(fd, &out[length], 1);
	} while (out[length] != '\n' && ++length + 1 < size);
	out[length] = '\0';
}

/* Takes the answer with this id; others belong to askers that have gone away. */
static int read_answer(int fd, unsigned long id)
{
	static char output[GUEST_OUTPUT_MAX];
	char line[GUEST_HEADER_MAX];
	unsigned long got;
	size_t size;
	int status;

	do {
		read_line(fd, line, sizeof(line));
		if (sscanf(line, "DONE %lu %d %zu", &got, &status, &size) != 3)
			continue;
		if (size > sizeof(output))
			errx(EXIT_UNREACHED, "the VM's answer is too long");
		read_exactly(fd, output, size);
		if (got == id) {
			fwrite(output, 1, size, stdout);
			return status;
		}
	} while (true);
}

int main(int argc, char **argv)
{
	static char command[GUEST_COMMAND_MAX];
	char header[GUEST_HEADER_MAX];
	unsigned int seconds = DEFAULT_SECONDS;
	unsigned long id = ((unsigned long)getpid() << 32) ^ (unsigned long)now_ms();
	int fd, length, option;

	/* "+": what follows the socket belongs to the command. */
	while ((option = getopt(argc, argv, "+t:")) != -1) {
		if (option != 't')
			return 2;
		seconds = (unsigned int)parse_number(optarg);
	}
	if (argc - optind < 2)
		errx(2, "usage: guest_run [-t SECONDS] SOCKET COMMAND...");
	deadline = now_ms() + (seconds + GRACE_SECONDS) * 1000L;
	join_words(argv + optind + 1, command, sizeof(command));

	fd = connect_guest(argv[optind]);
	length = snprintf(header, sizeof(header), "RUN %lu %u %zu\n", id, seconds, strlen(command));
	write_exactly(fd, header, (size_t)length);
	write_exactly(fd, command, strlen(command));
	return read_answer(fd, id);
}
