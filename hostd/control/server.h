/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answering side of the control protocol: two unix sockets on the event loop. It knows
 * requests and replies, not what the methods do.
 */
#ifndef VMSEG_CONTROL_SERVER_H
#define VMSEG_CONTROL_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "hostd/base/diag.h"
#include "hostd/control/method_params.h"

struct control_context;

/* An answer that takes longer than others should wait: it is worked out piece by piece, whenever
 * nothing else is to be done. */
struct task {
	/* Does a piece, of milliseconds. Returns 1 with a new reference in *ret_result when that
	 * was the last, 0 when there is more, -errno when it has failed. */
	int (*work)(struct task *task, json_t **ret_result);
	void (*free)(struct task *task);
};

/* One row of the request table. */
struct method {
	const char *name;
	const struct method_param *params; /* NULL: none */
	bool read_only;                    /* changes nothing: also taken on the read socket */
	bool streams; /* after the reply the connection gets every published line */
	/* Returns 0 with a new reference in *ret_result, or -errno with an error in diag. `params`
	 * is an object that check_params() has accepted, or NULL. */
	int (*answer)(struct control_context *context, const json_t *params, json_t **ret_result,
		      struct diag *diag);
	/* In place of `answer`: returns 0 with the task that will, or -errno with an error. */
	int (*begin)(struct control_context *context, const json_t *params, struct task **ret_task,
		     struct diag *diag);
};

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

/* Serves a connected stream socket, which belongs to the server from here on. */
int add_control_client(struct control_server *server, int fd, bool read_only);

/* Sends an object to every streaming client. Whoever does not read loses lines, never delays the
 * daemon; the next line that fits is preceded by {"lost": n}. */
void publish_object(struct control_server *server, json_t *object);
bool has_stream_clients(const struct control_server *server);

#endif
