/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listening on this host only: what is served is not meant for the network.
 */
#include "hostd/base/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "hostd/base/cleanup.h"

static int parse_path(const char *text, struct listen_address *ret)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&ret->address;

	if (strlen(text) >= sizeof(address->sun_path))
		return -EINVAL;
	*ret = (struct listen_address){.size = sizeof(*address)};
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, text, strlen(text) + 1);
	return 0;
}

static bool parse_port(const char *text, in_port_t *ret)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || port == 0 || port > UINT16_MAX)
		return false;
	*ret = htons((uint16_t)port);
	return true;
}

static int parse_host(const char *host, in_port_t port, struct listen_address *ret)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = port};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = port};

	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		if (ntohl(v4.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
			return -EINVAL;
		*ret = (struct listen_address){.size = sizeof(v4)};
		memcpy(&ret->address, &v4, sizeof(v4));
		return 0;
	}
	if (inet_pton(AF_INET6, host, &v6.sin6_addr) != 1 || !IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr))
		return -EINVAL;
	*ret = (struct listen_address){.size = sizeof(v6)};
	memcpy(&ret->address, &v6, sizeof(v6));
	return 0;
}

int parse_listen_address(const char *text, struct listen_address *ret)
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(text, ':');
	size_t length;
	in_port_t port;

	if (text[0] == '/')
		return parse_path(text, ret);
	length = colon ? (size_t)(colon - text) : 0;
	if (length == 0 || length >= sizeof(host) || !parse_port(colon + 1, &port))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (host[0] != '[')
		return strchr(host, ':') ? -EINVAL : parse_host(host, port, ret);
	if (host[length - 1] != ']')
		return -EINVAL;
	host[length - 1] = '\0';
	return parse_host(host + 1, port, ret);
}

/* A socket file without a server refuses connections: it is a dead one's. */
static void remove_stale(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(address->sun_path);
}

int listen_on(const struct listen_address *address, int *ret_fd)
{
	const struct sockaddr *any = (const struct sockaddr *)&address->address;
	_cleanup_close_ int fd =
		socket(any->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0)
		return -errno;
	if (any->sa_family == AF_UNIX)
		remove_stale((const struct sockaddr_un *)any);
	else
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, any, address->size) < 0 || listen(fd, SOMAXCONN) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
