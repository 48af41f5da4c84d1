/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of the control server, for server.c and client_connection.c alone.
 */
#ifndef VMSEG_SERVER_STATE_H
#define VMSEG_SERVER_STATE_H

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "hostd/control/method.h"

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

#endif
