/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading netlink sockets.
 */
#include "hostd/netlink/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"

/* The kernel makes messages of at most NLMSG_GOODSIZE, 8 KiB, and dumps of 32 KiB. */
#define ANSWER_BYTES 32768

/* Datagrams that are read for one answer. A dump of a device's filters has some hundreds at most;
 * the rest is room for what others send in between. */
#define ANSWER_DATAGRAMS 100000

ssize_t receive_from_kernel(int fd, void *buffer, size_t size)
{
	struct sockaddr_nl from = {0};
	struct iovec piece = {buffer, size};
	struct msghdr message = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &piece,
		.msg_iovlen = 1,
	};
	ssize_t got;

	do
		got = recvmsg(fd, &message, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	/* The port id of the kernel is 0, and no process can have it. */
	if (message.msg_namelen != sizeof(from) || from.nl_family != AF_NETLINK || from.nl_pid != 0)
		return 0;
	return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : got;
}

int for_each_netlink_message(const void *buffer, size_t size,
			     int (*visit)(const struct nlmsghdr *header, void *context),
			     void *context)
{
	const uint8_t *place = buffer;

	while (size >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *header = (const struct nlmsghdr *)place;
		size_t length = header->nlmsg_len, step;
		int r;

		if (length < sizeof(*header) || length > size)
			return -EBADMSG;
		r = visit(header, context);
		if (r != 0)
			return r;
		/* The last one need not be padded. */
		step = NLMSG_ALIGN(length);
		if (step >= size)
			return 0;
		place += step;
		size -= step;
	}
	return size ? -EBADMSG : 0;
}

struct answer {
	const struct nlmsghdr *request;
	uint32_t port_id; /* of the socket that asked */
	void (*visit)(const struct nlmsghdr *header, void *context);
	void *context;
	bool ended;
};

/* The first word of NLMSG_ERROR and NLMSG_DONE: 0 or -errno. */
static int error_of(const struct nlmsghdr *header)
{
	int error;

	if (header->nlmsg_len < NLMSG_HDRLEN + sizeof(error))
		return header->nlmsg_type == NLMSG_DONE ? 0 : -EBADMSG;
	memcpy(&error, NLMSG_DATA(header), sizeof(error));
	return error < 0 ? error : 0;
}

static int take_answer(const struct nlmsghdr *header, void *context)
{
	struct answer *answer = context;

	if (header->nlmsg_seq != answer->request->nlmsg_seq || header->nlmsg_pid != answer->port_id)
		return 0;
	if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_type == NLMSG_DONE) {
		answer->ended = true;
		return error_of(header);
	}
	/* The dumped objects changed during the dump. */
	if (header->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EINTR;
	if (header->nlmsg_type < NLMSG_MIN_TYPE)
		return 0;
	answer->visit(header, answer->context);
	/* NLM_F_DUMP is of two bits, one of which has another meaning in other requests. */
	answer->ended = !(answer->request->nlmsg_flags & NLM_F_ACK) &&
			(answer->request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP;
	return 0;
}

static int read_answer(int fd, struct answer *answer)
{
	_cleanup_free_ char *buffer = malloc(ANSWER_BYTES);

	if (!buffer)
		return -ENOMEM;
	for (unsigned int i = 0; i < ANSWER_DATAGRAMS; i++) {
		ssize_t got = receive_from_kernel(fd, buffer, ANSWER_BYTES);
		int r = got < 0 ? (int)got
				: for_each_netlink_message(buffer, (size_t)got, take_answer,
							   answer);

		if (r < 0 || answer->ended)
			return r;
	}
	return -EPROTO;
}

/* Returns the descriptor or -errno. */
static int open_socket(uint32_t *ret_port_id)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	socklen_t size = sizeof(address);
	int on = 1;

	/* Without this the kernel takes a dump's attributes for no filter. */
	if (fd >= 0)
		setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return -errno;
	*ret_port_id = address.nl_pid;
	return TAKE_FD(fd);
}

int ask_kernel(struct nlmsghdr *request,
	       void (*visit)(const struct nlmsghdr *header, void *context), void *context)
{
	struct answer answer = {.request = request, .visit = visit, .context = context};
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	_cleanup_close_ int fd = open_socket(&answer.port_id);

	if (fd < 0)
		return fd;
	if (sendto(fd, request, request->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) <
	    0)
		return -errno;
	return read_answer(fd, &answer);
}
