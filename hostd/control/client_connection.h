/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the control server: its own state and that of one connection.
 */
#ifndef VMSEG_CONTROL_CONNECTION_H
#define VMSEG_CONTROL_CONNECTION_H

#include <sys/types.h>

#include "hostd/control/server.h"

struct connection;

struct control_listener {
	char *path;
	mode_t mode;
	gid_t group;
	sd_event_io_handler_t accept;
	dev_t device; /* of the socket's file, as it was made */
	ino_t inode;
	sd_event_source *source;
};

struct control_server {
	sd_event *event;
	struct control_listener control, read;
	const struct method *methods;
	size_t method_count;
	struct control_context *context;
	struct connection *connections; /* doubly linked */
	size_t connection_count[2];     /* by read_only: each socket has its own share */
};

void close_connections(struct control_server *server);

#endif
