/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Client of the control socket. The time limit holds for the whole call, not for each step: the
 * hook must come back to libvirt whatever the daemon does.
 */
#include "hostd/control/client.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/json_whole.h"
#include "hostd/control/protocol.h"

/* A reply is as large as what was asked for; this is only against a peer gone mad. */
#define REPLY_MAX ((size_t)1 << 30)

static int unreachable(struct control_client *client, int code, struct diag *diag)
{
	if (code == ENOENT || code == ECONNREFUSED)
		return fail(diag, EHOSTUNREACH, client->path, 0, "vmseg-hostd is not running: %s",
			    strerror(code));
	return fail(diag, EHOSTUNREACH, client->path, 0, "vmseg-hostd cannot be asked: %s",
		    strerror(code));
}

/* Between two looks at the heartbeat, and two tries to connect. */
#define LOOK_MS  100
#define RETRY_MS 20

static int out_of_time(struct control_client *client, struct diag *diag)
{
	return fail(diag, EHOSTUNREACH, client->path, 0,
		    "vmseg-hostd did not answer within %u seconds", client->patience.timeout);
}

/* Waits for `events`, at most some milliseconds; then looks whether waiting has any sense. Returns
 * 1 when they are there, 0 when not, or an error. */
static int wait_a_while(struct control_client *client, struct pollfd *pollfd, int most,
			struct diag *diag)
{
	uint64_t now = monotonic_usec();
	int r;

	if (!client->deadline && !client->heartbeat)
		most = -1;
	/* Rounded up, not to spin through the last millisecond. */
	if (client->deadline && now + (uint64_t)most * 1000 > client->deadline)
		most = now < client->deadline ? (int)((client->deadline - now) / 1000) + 1 : 0;
	r = poll(pollfd, pollfd ? 1 : 0, most);
	if (r < 0 && errno != EINTR)
		return unreachable(client, errno, diag);
	if (r > 0)
		return 1;
	if (client->deadline && monotonic_usec() >= client->deadline)
		return out_of_time(client, diag);
	if (client->heartbeat &&
	    is_silent(client->heartbeat, client->patience.silence, &client->watch))
		return fail(diag, EHOSTUNREACH, client->path, 0,
			    "vmseg-hostd is there but gives no sign of life: it may be stopped or "
			    "frozen");
	return 0;
}

/* Waits until `events` or the deadline. */
static int wait_for(struct control_client *client, short events, struct diag *diag)
{
	struct pollfd pollfd = {.fd = client->fd, .events = events};
	int r;

	do
		r = wait_a_while(client, &pollfd, LOOK_MS, diag);
	while (r == 0);
	return r < 0 ? r : 0;
}

/* A unix socket whose backlog is full says EAGAIN. */
static int connect_socket(struct control_client *client, struct diag *diag)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(client->path) >= sizeof(address.sun_path))
		return fail(diag, EINVAL, NULL, 0, "socket path \"%s\" is longer than %zu bytes",
			    client->path, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, client->path, strlen(client->path) + 1);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (client->fd < 0)
		return unreachable(client, errno, diag);
	while (connect(client->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int r;

		if (errno != EAGAIN && errno != EINTR)
			return unreachable(client, errno, diag);
		r = wait_a_while(client, NULL, RETRY_MS, diag);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Beside the socket. */
static char *heartbeat_path(const char *socket)
{
	_cleanup_free_ char *copy = strdup(socket);
	char *path;

	if (!copy || asprintf(&path, "%s/" HEARTBEAT_FILE, dirname(copy)) < 0)
		return NULL;
	return path;
}

int connect_control(const char *path, const struct patience *patience, struct control_client *ret,
		    struct diag *diag)
{
	struct control_client client = {.fd = -1, .path = path, .patience = *patience};
	int r;

	if (!client.patience.silence)
		client.patience.silence = CONTROL_SILENCE_USEC;
	client.heartbeat = heartbeat_path(path);
	client.deadline = monotonic_usec() + patience->timeout * USEC_PER_SEC;
	r = connect_socket(&client, diag);
	if (r < 0) {
		close_control(&client);
		return r;
	}
	*ret = client;
	return 0;
}

static int send_bytes(struct control_client *client, const char *bytes, size_t size,
		      struct diag *diag)
{
	while (size > 0) {
		ssize_t sent = send(client->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			bytes += sent;
			size -= (size_t)sent;
			continue;
		}
		if (errno == EAGAIN) {
			int r = wait_for(client, POLLOUT, diag);

			if (r < 0)
				return r;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			/* Refused before it was read whole; the reply says why. */
			return 0;
		} else if (errno != EINTR) {
			return unreachable(client, errno, diag);
		}
	}
	return 0;
}

int send_request(struct control_client *client, const char *method, json_t *params,
		 struct diag *diag)
{
	json_t *request = json_pack("{s:i, s:s, s:O*}", "v", CONTROL_VERSION, "method", method,
				    "params", params);
	_cleanup_free_ char *text = request ? format_json(request, JSON_COMPACT) : NULL;
	size_t size = text ? strlen(text) : 0;

	json_decref(request);
	if (!text)
		return fail(diag, EINVAL, NULL, 0, "the request is not valid UTF-8");
	if (size >= CONTROL_REQUEST_MAX)
		return fail(diag, EMSGSIZE, NULL, 0,
			    "the request has %zu bytes, more than the %d that vmseg-hostd takes",
			    size, CONTROL_REQUEST_MAX);
	text[size] = '\n'; /* the terminating zero is not sent */
	return send_bytes(client, text, size + 1, diag);
}

/* Reads what is there. Returns 0, -ENODATA at the end, or an error. */
static int fill_buffer(struct control_client *client, struct diag *diag)
{
	ssize_t got;

	if (client->used == client->size) {
		size_t size = client->size ? client->size * 2 : 4096;
		char *grown = size <= REPLY_MAX ? realloc(client->buffer, size) : NULL;

		if (!grown)
			return fail(diag, EBADMSG, client->path, 0, "the reply is too large");
		client->buffer = grown;
		client->size = size;
	}
	got = recv(client->fd, client->buffer + client->used, client->size - client->used,
		   MSG_DONTWAIT);
	if (got > 0) {
		client->used += (size_t)got;
		return 0;
	}
	if (got == 0 || errno == ECONNRESET)
		return -ENODATA;
	if (errno == EAGAIN)
		return wait_for(client, POLLIN, diag);
	return errno == EINTR ? 0 : unreachable(client, errno, diag);
}

/* The next line as JSON. */
static int read_object(struct control_client *client, json_t **ret, struct diag *diag)
{
	size_t scanned = 0;
	json_error_t error;
	json_t *object;
	char *end;
	int r;

	while (!client->used ||
	       !(end = memchr(client->buffer + scanned, '\n', client->used - scanned))) {
		scanned = client->used;
		r = fill_buffer(client, diag);
		if (r < 0)
			return r;
	}
	r = parse_json(client->buffer, (size_t)(end - client->buffer), &object, &error);
	client->used -= (size_t)(end + 1 - client->buffer);
	memmove(client->buffer, end + 1, client->used);
	if (r < 0)
		return fail(diag, -r, client->path, 0, "the reply is not JSON: %s", error.text);
	*ret = object;
	return 0;
}

int read_reply(struct control_client *client, json_t **ret_result, struct diag *diag)
{
	json_t *reply = NULL, *result;
	const char *refusal;
	int r = read_object(client, &reply, diag);

	if (r == -ENODATA)
		return fail(diag, EHOSTUNREACH, client->path, 0,
			    "vmseg-hostd closed the connection without an answer");
	if (r < 0)
		return r;
	result = json_object_get(reply, "result");
	refusal = json_string_value(json_object_get(reply, "error"));
	if (json_is_true(json_object_get(reply, "ok")) && result)
		*ret_result = json_incref(result);
	else if (refusal)
		r = fail(diag, EREMOTEIO, NULL, 0, "%s", refusal);
	else
		r = fail(diag, EBADMSG, client->path, 0, "the reply has neither result nor error");
	json_decref(reply);
	return r;
}

int read_stream(struct control_client *client, json_t **ret_object, struct diag *diag)
{
	client->deadline = 0;
	/* Nothing may happen for long. */
	free(TAKE_PTR(client->heartbeat));
	return read_object(client, ret_object, diag);
}

void close_control(struct control_client *client)
{
	close_descriptor(&client->fd);
	client->fd = -1;
	free(TAKE_PTR(client->heartbeat));
	free(TAKE_PTR(client->buffer));
}

int call_control(const char *path, const char *method, json_t *params,
		 const struct patience *patience, json_t **ret_result, struct diag *diag)
{
	_cleanup_(close_control) struct control_client client = {.fd = -1};
	int r = connect_control(path, patience, &client, diag);

	if (r == 0)
		r = send_request(&client, method, params, diag);
	if (r == 0)
		r = read_reply(&client, ret_result, diag);
	return r;
}
