/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection of the control server: read a line, answer it at once or piece by piece, write the
 * reply, close; or, for a method that streams, stay.
 */
#include "hostd/control/client_connection.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/json_whole.h"
#include "hostd/control/protocol.h"
#include "hostd/control/server_state.h"

#define CONNECTIONS_MAX   64
#define CLIENT_SECONDS    30
#define STREAM_BUFFER_MAX ((size_t)1 << 20)
#define PRIORITY_TASK     (SD_EVENT_PRIORITY_NORMAL + 30) /* after all else that the loop does */

struct buffer {
	char *bytes;
	size_t used, size;
};

struct connection {
	struct control_server *server;
	bool read_only;
	bool streams;
	int fd;
	sd_event_source *io, *timer;
	struct task *task; /* that works out the answer */
	sd_event_source *work;
	struct buffer in;
	struct buffer out;
	size_t sent;   /* of out */
	uint64_t lost; /* lines a streaming client did not get */
	struct connection *prev, *next;
};

static int reserve(struct buffer *buffer, size_t size)
{
	size_t wanted = buffer->size ? buffer->size : 4096;
	char *grown;

	while (wanted < buffer->used + size)
		wanted *= 2;
	if (wanted == buffer->size)
		return 0;
	grown = realloc(buffer->bytes, wanted);
	if (!grown)
		return -ENOMEM;
	buffer->bytes = grown;
	buffer->size = wanted;
	return 0;
}

static void end_task(struct connection *connection)
{
	connection->work = sd_event_source_disable_unref(connection->work);
	if (connection->task)
		connection->task->free(connection->task);
	connection->task = NULL;
}

static void close_connection(struct connection *connection)
{
	struct control_server *server = connection->server;

	end_task(connection);
	DL_DELETE(server->connections, connection);
	server->connection_count[connection->read_only]--;
	sd_event_source_disable_unref(connection->io);
	sd_event_source_disable_unref(connection->timer);
	close_descriptor(&connection->fd);
	free(connection->in.bytes);
	free(connection->out.bytes);
	free(connection);
}

void close_connections(struct control_server *server)
{
	struct connection *connection, *next;

	DL_FOREACH_SAFE(server->connections, connection, next)
	close_connection(connection);
}

/* Appends an object and a newline to what goes out. */
static int append_object(struct connection *connection, json_t *object)
{
	_cleanup_free_ char *text = format_json(object, JSON_COMPACT);
	size_t size = text ? strlen(text) : 0;

	if (!text || reserve(&connection->out, size + 1) < 0)
		return -ENOMEM;
	memcpy(connection->out.bytes + connection->out.used, text, size);
	connection->out.bytes[connection->out.used + size] = '\n';
	connection->out.used += size + 1;
	return 0;
}

/* Writes what the socket takes. Returns 1 when all is out, 0 when some is left, or -errno. */
static int flush(struct connection *connection)
{
	while (connection->sent < connection->out.used) {
		ssize_t sent =
			send(connection->fd, connection->out.bytes + connection->sent,
			     connection->out.used - connection->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? 0 : -errno;
		connection->sent += (size_t)sent;
	}
	connection->sent = 0;
	connection->out.used = 0;
	return 1;
}

static int watch(struct connection *connection, uint32_t events)
{
	return sd_event_source_set_io_events(connection->io, events);
}

/* Writes, and closes when the exchange is over or broken. */
static void proceed(struct connection *connection)
{
	int r = flush(connection);

	if (r == 0 && watch(connection, connection->streams ? EPOLLIN | EPOLLOUT : EPOLLOUT) >= 0)
		return;
	if (r == 1 && connection->streams && watch(connection, EPOLLIN) >= 0)
		return;
	close_connection(connection);
}

static const struct method *find_method(const struct control_server *server, const char *name)
{
	for (size_t i = 0; name && i < server->method_count; i++) {
		if (strcmp(server->methods[i].name, name) == 0)
			return &server->methods[i];
	}
	return NULL;
}

static int answer_request(struct connection *connection, json_t *request, json_t **ret_result,
			  struct diag *diag)
{
	struct control_server *server = connection->server;
	json_t *version = json_object_get(request, "v");
	const char *name = json_string_value(json_object_get(request, "method"));
	json_t *params = json_object_get(request, "params");
	const struct method *method = find_method(server, name);
	int r;

	if (json_integer_value(version) != CONTROL_VERSION)
		return fail(diag, EPROTO, NULL, 0, "this daemon speaks protocol version %d",
			    CONTROL_VERSION);
	if (!method)
		return fail(diag, EOPNOTSUPP, NULL, 0, "unknown method \"%s\"", name ? name : "");
	if (connection->read_only && !method->read_only)
		return fail(diag, EPERM, NULL, 0, "\"%s\" needs the control socket (root)", name);
	if (params && !json_is_object(params))
		return fail(diag, EPROTO, NULL, 0, "params: expected an object");
	r = check_params(method->params, params, diag);
	if (r < 0)
		return r;
	if (method->begin) {
		r = method->begin(server->context, params, &connection->task, diag);
	} else {
		r = method->answer(server->context, params, ret_result, diag);
		connection->streams = r == 0 && method->streams;
	}
	return r < 0 ? fail(diag, -r, NULL, 0, "%s: %s", name, strerror(-r)) : 0;
}

static json_t *pack_result(json_t *result)
{
	return json_pack("{s:i, s:b, s:o}", "v", CONTROL_VERSION, "ok", 1, "result", result);
}

static json_t *pack_error(const char *error)
{
	json_t *reply = json_pack("{s:i, s:b, s:s}", "v", CONTROL_VERSION, "ok", 0, "error", error);

	/* A message that quotes bytes which are no UTF-8 cannot be sent. */
	return reply ? reply
		     : json_pack("{s:i, s:b, s:s}", "v", CONTROL_VERSION, "ok", 0, "error",
				 "refused; the reason is in the daemon's log");
}

/* Takes the reply; NULL: there was no memory for one. Then the connection is closed without an
 * answer: an error would say that nothing was done. */
static void send_reply(struct connection *connection, json_t *reply)
{
	int r = reply ? append_object(connection, reply) : -ENOMEM;

	json_decref(reply);
	if (r < 0)
		close_connection(connection);
	else
		proceed(connection);
}

static int on_work(sd_event_source *source, void *context)
{
	struct connection *connection = context;
	_cleanup_(clear_diag) struct diag diag = {0};
	json_t *result = NULL;
	int r = connection->task->work(connection->task, &result, &diag);

	if (r == 0)
		return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	end_task(connection);
	send_reply(connection, r < 0 ? pack_error(diag_message(&diag)) : pack_result(result));
	return 0;
}

static void start_task(struct connection *connection)
{
	int r = sd_event_add_defer(connection->server->event, &connection->work, on_work,
				   connection);

	if (r >= 0)
		r = sd_event_source_set_priority(connection->work, PRIORITY_TASK);
	if (r < 0)
		close_connection(connection);
}

/* One whole request. */
static void answer_line(struct connection *connection, size_t size)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	unsigned long failures = count_json_failures();
	json_t *result = NULL, *request = NULL;
	json_error_t error;
	int r = parse_json(connection->in.bytes, size, &request, &error);

	if (r == -ENOMEM)
		fail_memory(&diag, NULL);
	else if (json_is_object(request))
		r = answer_request(connection, request, &result, &diag);
	else
		r = fail(&diag, EPROTO, NULL, 0, "expected a JSON object: %s",
			 request ? "this is another value" : error.text);
	json_decref(request);
	free(TAKE_PTR(connection->in.bytes));
	connection->in = (struct buffer){0};
	if (connection->streams)
		sd_event_source_set_enabled(connection->timer, SD_EVENT_OFF);
	/* Better no answer than one in which something is missing. */
	if (r == 0 && count_json_failures() != failures)
		json_decref(TAKE_PTR(result));
	if (connection->task)
		start_task(connection);
	else
		send_reply(connection,
			   r < 0 ? pack_error(diag_message(&diag)) : pack_result(result));
}

static void read_request(struct connection *connection)
{
	struct buffer *in = &connection->in;
	ssize_t got;
	char *end;

	if (reserve(in, 4096) < 0) {
		close_connection(connection);
		return;
	}
	got = recv(connection->fd, in->bytes + in->used, in->size - in->used, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Who streams, or waits for a task, says nothing more: its end is its only news. */
	if (got <= 0 || connection->streams || connection->task) {
		if (got <= 0)
			close_connection(connection);
		return;
	}
	end = memchr(in->bytes + in->used, '\n', (size_t)got);
	in->used += (size_t)got;
	if (end)
		answer_line(connection, (size_t)(end - in->bytes));
	else if (in->used >= CONTROL_REQUEST_MAX)
		send_reply(connection, pack_error("the request is larger than 4 MiB"));
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct connection *connection = context;

	if (events & EPOLLOUT)
		proceed(connection);
	else
		read_request(connection);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t now, void *context)
{
	close_connection(context);
	return 0;
}

int add_control_client(struct control_server *server, int fd, bool read_only)
{
	struct connection *connection;
	int r;

	if (server->connection_count[read_only] >= CONNECTIONS_MAX) {
		close(fd);
		return -EBUSY;
	}
	connection = calloc(1, sizeof(*connection));
	if (!connection) {
		close(fd);
		return -ENOMEM;
	}
	connection->server = server;
	connection->read_only = read_only;
	connection->fd = fd;
	DL_APPEND(server->connections, connection);
	server->connection_count[read_only]++;
	r = sd_event_add_io(server->event, &connection->io, fd, EPOLLIN, on_io, connection);
	if (r >= 0)
		r = sd_event_add_time_relative(server->event, &connection->timer, CLOCK_MONOTONIC,
					       CLIENT_SECONDS * 1000000ULL, 0, on_timeout,
					       connection);
	if (r < 0)
		close_connection(connection);
	return r < 0 ? r : 0;
}

static void publish_to(struct connection *connection, json_t *object)
{
	json_t *note;

	if (connection->out.used - connection->sent > STREAM_BUFFER_MAX) {
		connection->lost++;
		return;
	}
	/* What is out already makes room. */
	connection->out.used -= connection->sent;
	memmove(connection->out.bytes, connection->out.bytes + connection->sent,
		connection->out.used);
	connection->sent = 0;
	if (connection->lost) {
		note = json_pack("{s:I}", "lost", (json_int_t)connection->lost);
		if (note && append_object(connection, note) == 0)
			connection->lost = 0;
		json_decref(note);
	}
	if (append_object(connection, object) < 0)
		connection->lost++;
	proceed(connection);
}

void publish_object(struct control_server *server, json_t *object)
{
	struct connection *connection, *next;

	DL_FOREACH_SAFE(server->connections, connection, next)
	{
		if (connection->streams)
			publish_to(connection, object);
	}
}

bool has_stream_clients(const struct control_server *server)
{
	struct connection *connection;

	DL_FOREACH (server->connections, connection) {
		if (connection->streams)
			return true;
	}
	return false;
}
