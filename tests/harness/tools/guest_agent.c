// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest_agent PORT: runs inside a test VM and does what guest_run on the host asks for.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "guest_protocol.h"

struct request {
	unsigned long id;
	unsigned int seconds;
	char command[GUEST_COMMAND_MAX + 1];
};

struct output {
	size_t size;
	char text[GUEST_OUTPUT_MAX];
};

static void read_exactly(int port, char *out, size_t size)
{
	while (size > 0) {
		ssize_t got = read(port, out, size);

		if (got > 0) {
			out += got;
			size -= (size_t)got;
		} else if (got == 0) {
			/* The host side is closed for now. */
			poll(NULL, 0, 20);
		} else if (errno != EINTR && errno != EAGAIN) {
			err(1, "reading the port");
		}
	}
}

static void write_exactly(int port, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t put = write(port, text, size);

		if (put > 0) {
			text += put;
			size -= (size_t)put;
		} else if (errno != EINTR && errno != EAGAIN) {
			err(1, "writing the port");
		}
	}
}

static void read_line(int port, char *out, size_t size)
{
	size_t length = 0;

	while (length + 1 < size) {
		read_exactly(port, &out[length], 1);
		if (out[length] == '\n')
			break;
		length++;
	}
	out[length] = '\0';
}

/* A line that is no header is skipped: bytes of a request whose sender died half-way. */
static void read_request(int port, struct request *ret)
{
	char line[GUEST_HEADER_MAX];
	size_t size;

	do {
		read_line(port, line, sizeof(line));
	} while (sscanf(line, "RUN %lu %u %zu", &ret->id, &ret->seconds, &size) != 3 ||
		 size > GUEST_COMMAND_MAX);
	read_exactly(port, ret->command, size);
	ret->command[size] = '\0';
}

/* False at the end of the output: nobody holds the other end of the pipe any more. */
static bool keep_output(int from, struct output *output)
{
	char rest[4096];

	for (;;) {
		size_t room = sizeof(output->text) - output->size;
		ssize_t got = room ? read(from, output->text + output->size, room)
				   : read(from, rest, sizeof(rest));

		if (got <= 0)
			return got < 0;
		if (room)
			output->size += (size_t)got;
	}
}

static pid_t start_command(const char *command, int out)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	setsid();
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* Waits for the command itself, not for what it left running in the background. */
static int await_command(pid_t child, unsigned int seconds, int from, struct output *output)
{
	struct pollfd polled[] = {
		{.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN},
		{.fd = from, .events = POLLIN},
	};
	long deadline = now_ms() + seconds * 1000L;
	bool late = false;
	int status = 0;

	while (waitpid(child, &status, WNOHANG) != child) {
		long left = deadline - now_ms();

		if (left <= 0 && !late) {
			late = true;
			kill(-child, SIGKILL);
		}
		poll(polled, 2, late ? -1 : (int)left);
		if (!keep_output(from, output))
			polled[1].fd = -1;
	}
	keep_output(from, output);
	close(polled[0].fd);
	if (late)
		return GUEST_STATUS_TIMEOUT;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_request(const struct request *request, struct output *output)
{
	int ends[2];
	pid_t child;
	int status;

	output->size = 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		err(1, "pipe");
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	child = start_command(request->command, ends[1]);
	if (child < 0)
		err(1, "fork");
	close(ends[1]);
	status = await_command(child, request->seconds, ends[0], output);
	close(ends[0]);
	return status;
}

int main(int argc, char **argv)
{
	static struct request request;
	static struct output output;
	char header[GUEST_HEADER_MAX];
	int port;

	if (argc != 2)
		errx(2, "usage: guest_agent PORT");
	port = open(argv[1], O_RDWR | O_CLOEXEC);
	if (port < 0)
		err(1, "%s", argv[1]);
	for (;;) {
		int status, length;

		read_request(port, &request);
		status = run_request(&request, &output);
		length = snprintf(header, sizeof(header), "DONE %lu %d %zu\n", request.id, status,
				  output.size);
		write_exactly(port, header, (size_t)length);
		write_exactly(port, output.text, output.size);
	}
}
