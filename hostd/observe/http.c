/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libmicrohttpd without threads of its own: its epoll descriptor is one more on the event loop.
 */
#include "hostd/observe/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/listen.h"

#define CONNECTIONS_MAX 16
#define IDLE_SECONDS    10

struct http_server {
	struct MHD_Daemon *daemon;
	const struct metrics_source *source;
	sd_event_source *io, *timer;
};

/* The text is taken over. */
static enum MHD_Result reply(struct MHD_Connection *connection, unsigned int status,
			     const char *type, char *text, size_t size)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result reply_text(struct MHD_Connection *connection, unsigned int status,
				  const char *text)
{
	char *copy = strdup(text);

	return copy ? reply(connection, status, "text/plain; charset=utf-8", copy, strlen(copy))
		    : MHD_NO;
}

static enum MHD_Result reply_metrics(struct http_server *server, struct MHD_Connection *connection)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return MHD_NO;
	write_metrics(server->source, stream);
	if (fclose(stream) != 0) {
		free(text);
		return MHD_NO;
	}
	return reply(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text,
		     size);
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **request)
{
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
		return reply_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
	if (strcmp(url, "/metrics") == 0)
		return reply_metrics(context, connection);
	/* The loop turns, or there would be no answer. */
	if (strcmp(url, "/healthz") == 0)
		return reply_text(connection, MHD_HTTP_OK, "ok\n");
	return reply_text(connection, MHD_HTTP_NOT_FOUND, "try /metrics or /healthz\n");
}

static int run_http(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG milliseconds;

	MHD_run(server->daemon);
	if (MHD_get_timeout(server->daemon, &milliseconds) == MHD_NO)
		return sd_event_source_set_enabled(server->timer, SD_EVENT_OFF);
	sd_event_source_set_time_relative(server->timer, milliseconds * 1000);
	return sd_event_source_set_enabled(server->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *context)
{
	return run_http(context);
}

static int on_timer(sd_event_source *source, uint64_t now, void *context)
{
	return run_http(context);
}

static int start_http(struct http_server *server, sd_event *event, int *listener)
{
	const union MHD_DaemonInfo *info;
	int r;

	server->daemon =
		MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, server,
				 MHD_OPTION_LISTEN_SOCKET, *listener, MHD_OPTION_CONNECTION_LIMIT,
				 (unsigned int)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
				 (unsigned int)IDLE_SECONDS, MHD_OPTION_END);
	if (!server->daemon)
		return -EIO;
	*listener = -1; /* libmicrohttpd closes it */
	info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return -EIO;
	r = sd_event_add_io(event, &server->io, info->epoll_fd, EPOLLIN, on_io, server);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &server->timer, CLOCK_MONOTONIC, 0, 0,
					       on_timer, server);
	return r < 0 ? r : 0;
}

int open_http_server(sd_event *event, const char *where, const struct metrics_source *source,
		     struct http_server **ret, struct diag *diag)
{
	_cleanup_(close_http_server) struct http_server *server = calloc(1, sizeof(*server));
	struct listen_address address;
	_cleanup_close_ int listener = -1;
	int r = parse_listen_address(where, &address);

	if (!server)
		return fail_memory(diag, NULL);
	server->source = source;
	if (r == 0)
		r = listen_on(&address, &listener);
	if (r == 0)
		r = start_http(server, event, &listener);
	if (r < 0)
		return fail(diag, -r, where, 0, "cannot serve metrics: %s", strerror(-r));
	*ret = TAKE_PTR(server);
	return 0;
}

void close_http_server(struct http_server **server)
{
	if (!*server)
		return;
	sd_event_source_disable_unref((*server)->io);
	sd_event_source_disable_unref((*server)->timer);
	if ((*server)->daemon)
		MHD_stop_daemon((*server)->daemon);
	free(*server);
	*server = NULL;
}
