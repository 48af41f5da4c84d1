/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The address that a local server listens on: "127.0.0.1:9876", "[::1]:9876" or the path of a unix
 * socket.
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

/* Opens a listening, non-blocking stream socket. Replaces a unix socket that no process serves.
 * Returns 0 or -errno. */
int listen_on(const struct listen_address *address, int *ret_fd);

#endif
