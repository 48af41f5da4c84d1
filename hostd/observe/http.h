/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /metrics and /healthz over HTTP, on the event loop.
 */
#ifndef VMSEG_HTTP_H
#define VMSEG_HTTP_H

#include <systemd/sd-event.h>

#include "hostd/base/diag.h"
#include "hostd/observe/metrics.h"

struct http_server;

/* `where` as in listen.h; the source must outlive the server. */
int open_http_server(sd_event *event, const char *where, const struct metrics_source *source,
		     struct http_server **ret, struct diag *diag);
void close_http_server(struct http_server **server);

#endif
