/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answering side of the control protocol: two unix sockets on the event loop. It knows
 * requests and replies, not what the methods do.
 */
#ifndef VMSEG_CONTROL_SERVER_H
#define VMSEG_CONTROL_SERVER_H

#include <stddef.h>
#include <systemd/sd-event.h>

#include "hostd/base/diag.h"
#include "hostd/control/method.h"

struct control_server;

/* Listens on control.sock and read.sock in `directory`. The table and the context must outlive
 * the server. */
int open_control_server(sd_event *event, const char *directory, const struct method *methods,
			size_t method_count, struct control_context *context,
			struct control_server **ret, struct diag *diag);

/* Makes sockets anew whose files somebody has removed; connections stay. Returns 1 if there was
 * one, 0 if not, or -errno with an error in diag. */
int restore_control_sockets(struct control_server *server, struct diag *diag);

/* A server without sockets of its own. */
int new_control_server(sd_event *event, const struct method *methods, size_t method_count,
		       struct control_context *context, struct control_server **ret);
void close_control_server(struct control_server **server);

#endif
