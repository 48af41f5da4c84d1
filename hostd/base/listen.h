/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a local server listens: "127.0.0.1:9876", "[::1]:9876" or the path of a unix socket.
 */
#ifndef VMSEG_LISTEN_H
#define VMSEG_LISTEN_H

#include <sys/socket.h>

struct listen_address {
	struct sockaddr_storage address;
	socklen_t size;
};

/* Returns 0, or -EINVAL for anything else, addresses beyond this host included. */
int parse_listen_address(const char *text, struct listen_address *ret);

/* A listening, non-blocking stream socket. A unix socket that nobody serves any more is replaced.
 * Returns 0 or -errno. */
int listen_on(const struct listen_address *address, int *ret_fd);

#endif
