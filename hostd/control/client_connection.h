/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connections of the control server.
 */
#ifndef VMSEG_CLIENT_CONNECTION_H
#define VMSEG_CLIENT_CONNECTION_H

#include <jansson.h>
#include <stdbool.h>

struct control_server;

/* Serves a connected stream socket, which belongs to the server from here on. */
int add_control_client(struct control_server *server, int fd, bool read_only);

/* Sends an object to every streaming client. Whoever does not read loses lines, never delays the
 * daemon; the next line that fits is preceded by {"lost": n}. */
void publish_object(struct control_server *server, json_t *object);
bool has_stream_clients(const struct control_server *server);

void close_connections(struct control_server *server);

#endif
