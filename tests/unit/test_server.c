/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control server over a socketpair and over its own sockets, with a request table of the
 * test's: what it answers, whom it refuses, and that nobody can hold it up.
 */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostd/control/client.h"
#include "hostd/control/client_connection.h"
#include "hostd/control/protocol.h"
#include "hostd/control/server.h"
#include "tests/harness/test.h"

struct control_context {
	int changes;
	size_t large; /* bytes of the reply of "large" */
	int pieces;   /* that tasks have done */
	int tasks;    /* that are not freed */
};

static int answer_echo(struct control_context *context, const json_t *params, json_t **ret_result,
		       struct diag *diag)
{
	*ret_result = json_pack("{s:O?}", "params", (json_t *)params);
	return 0;
}

static int answer_change(struct control_context *context, const json_t *params, json_t **ret_result,
			 struct diag *diag)
{
	context->changes++;
	*ret_result = json_object();
	return 0;
}

static int answer_refusal(struct control_context *context, const json_t *params,
			  json_t **ret_result, struct diag *diag)
{
	/* In parentheses: cmocka has a macro of this name. */
	return (fail)(diag, EINVAL, "web-server.xml", 12, "no such thing");
}

static int answer_large(struct control_context *context, const json_t *params, json_t **ret_result,
			struct diag *diag)
{
	char *text = malloc(context->large);

	memset(text, 'x', context->large);
	*ret_result = json_stringn(text, context->large);
	free(text);
	return 0;
}

struct counting {
	struct task task; /* first */
	struct control_context *context;
	json_int_t left; /* pieces; below 0: it fails */
};

static int count_piece(struct task *task, json_t **ret_result, struct diag *diag)
{
	struct counting *counting = (struct counting *)task;

	if (counting->left < 0)
		return (fail)(diag, EIO, NULL, 0, "cannot count");
	counting->context->pieces++;
	if (--counting->left > 0)
		return 0;
	*ret_result = json_pack("{s:i}", "pieces", counting->context->pieces);
	return 1;
}

static void free_counting(struct task *task)
{
	((struct counting *)task)->context->tasks--;
	free(task);
}

static int begin_counting(struct control_context *context, const json_t *params,
			  struct task **ret_task, struct diag *diag)
{
	struct counting *counting = calloc(1, sizeof(*counting));

	assert_non_null(counting);
	*counting = (struct counting){
		.task = {count_piece, free_counting},
		.context = context,
		.left = json_integer_value(json_object_get(params, "pieces")),
	};
	if (counting->left == 0) {
		free(counting);
		return (fail)(diag, EINVAL, NULL, 0, "pieces: expected some");
	}
	context->tasks++;
	*ret_task = &counting->task;
	return 0;
}

static const struct method_param echo_params[] = {{"a", PARAM_STRINGS, false, ""}, {0}};
static const struct method_param count_params[] = {{"pieces", PARAM_NUMBER, false, ""}, {0}};

static const struct method methods[] = {
	{"echo", .params = echo_params, .read_only = true, .answer = answer_echo},
	{"change", .answer = answer_change},
	{"refuse", .read_only = true, .answer = answer_refusal},
	{"large", .read_only = true, .answer = answer_large},
	{"stream", .read_only = true, .streams = true, .answer = answer_echo},
	{"count", .params = count_params, .read_only = true, .begin = begin_counting},
};

struct fixture {
	sd_event *event;
	struct control_context context;
	struct control_server *server;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || sd_event_new(&fixture->event) < 0 ||
	    new_control_server(fixture->event, methods, sizeof(methods) / sizeof(methods[0]),
			       &fixture->context, &fixture->server) < 0)
		return -1;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	close_control_server(&fixture->server);
	sd_event_unref(fixture->event);
	free(fixture);
	return 0;
}

/* A connected client; its reads wait at most ten seconds. */
static int connect_client(struct fixture *fixture, bool read_only)
{
	struct timeval patience = {.tv_sec = 10};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(add_control_client(fixture->server, pair[1], read_only), 0);
	return pair[0];
}

/* Lets the server do all that it can do now. */
static void turn(struct fixture *fixture)
{
	while (sd_event_run(fixture->event, 0) > 0)
		;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void hear(int fd, char *out, size_t size)
{
	ssize_t got = recv(fd, out, size - 1, 0);

	assert_true(got >= 0);
	out[got] = '\0';
}

/* One request, one reply, then the end. */
static void expect_exchange(struct fixture *fixture, bool read_only, const char *request,
			    const char *reply)
{
	int fd = connect_client(fixture, read_only);
	char text[1024];

	say(fd, request);
	turn(fixture);
	hear(fd, text, sizeof(text));
	assert_string_equal(text, reply);
	assert_int_equal(recv(fd, text, sizeof(text), 0), 0);
	close(fd);
}

static void a_request_gets_its_reply(void **state)
{
	expect_exchange(*state, false,
			"{\"v\":1,\"method\":\"echo\",\"params\":{\"a\":[\"1\",\"\\n\"]}}\n",
			"{\"v\":1,\"ok\":true,\"result\":{\"params\":{\"a\":[\"1\",\"\\n\"]}}}\n");
	expect_exchange(*state, false, "{\"v\":1,\"method\":\"refuse\"}\n",
			"{\"v\":1,\"ok\":false,\"error\":\"web-server.xml:12: no such thing\"}\n");
}

static void nonsense_gets_a_reason(void **state)
{
	expect_exchange(
		*state, false, "{\"v\":2,\"method\":\"echo\"}\n",
		"{\"v\":1,\"ok\":false,\"error\":\"this daemon speaks protocol version 1\"}\n");
	expect_exchange(*state, false, "{\"v\":1,\"method\":\"no\"}\n",
			"{\"v\":1,\"ok\":false,\"error\":\"unknown method \\\"no\\\"\"}\n");
	expect_exchange(*state, false, "{\"v\":1,\"method\":7}\n",
			"{\"v\":1,\"ok\":false,\"error\":\"unknown method \\\"\\\"\"}\n");
	expect_exchange(*state, false, "{\"v\":1,\"method\":\"echo\",\"params\":[]}\n",
			"{\"v\":1,\"ok\":false,\"error\":\"params: expected an object\"}\n");
	expect_exchange(*state, false, "[1]\n",
			"{\"v\":1,\"ok\":false,\"error\":\"expected a JSON object: this is another "
			"value\"}\n");
}

static void the_read_socket_changes_nothing(void **state)
{
	struct fixture *fixture = *state;

	expect_exchange(fixture, true, "{\"v\":1,\"method\":\"change\"}\n",
			"{\"v\":1,\"ok\":false,\"error\":\"\\\"change\\\" needs the control socket "
			"(root)\"}\n");
	assert_int_equal(fixture->context.changes, 0);
	expect_exchange(fixture, true, "{\"v\":1,\"method\":\"echo\"}\n",
			"{\"v\":1,\"ok\":true,\"result\":{\"params\":null}}\n");
	expect_exchange(fixture, false, "{\"v\":1,\"method\":\"change\"}\n",
			"{\"v\":1,\"ok\":true,\"result\":{}}\n");
	assert_int_equal(fixture->context.changes, 1);
}

static void a_request_may_come_in_pieces(void **state)
{
	struct fixture *fixture = *state;
	int slow = connect_client(fixture, false);
	char text[256];

	say(slow, "{\"v\":1,\"meth");
	turn(fixture);
	/* Others are served meanwhile. */
	expect_exchange(fixture, false, "{\"v\":1,\"method\":\"change\"}\n",
			"{\"v\":1,\"ok\":true,\"result\":{}}\n");
	say(slow, "od\":\"change\"}");
	turn(fixture);
	say(slow, "\n");
	turn(fixture);
	hear(slow, text, sizeof(text));
	assert_string_equal(text, "{\"v\":1,\"ok\":true,\"result\":{}}\n");
	close(slow);
}

static void an_endless_request_is_cut_off(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture, false);
	static char block[65536];
	size_t sent = 0;
	char text[256];

	memset(block, 'x', sizeof(block));
	/* The server closes with the reply: writing fails sooner or later. */
	while (sent < 2 * CONTROL_REQUEST_MAX) {
		ssize_t n = send(fd, block, sizeof(block), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
		turn(fixture);
	}
	assert_true(sent < 2 * CONTROL_REQUEST_MAX);
	hear(fd, text, sizeof(text));
	assert_string_equal(
		text, "{\"v\":1,\"ok\":false,\"error\":\"the request is larger than 4 MiB\"}\n");
	close(fd);
}

static void a_client_that_does_not_read_holds_nobody_up(void **state)
{
	struct fixture *fixture = *state;
	int lazy = connect_client(fixture, false);
	char block[65536];
	size_t got = 0;
	ssize_t n;

	fixture->context.large = 8 << 20;
	say(lazy, "{\"v\":1,\"method\":\"large\"}\n");
	turn(fixture);
	expect_exchange(fixture, false, "{\"v\":1,\"method\":\"change\"}\n",
			"{\"v\":1,\"ok\":true,\"result\":{}}\n");
	do {
		n = recv(lazy, block, sizeof(block), 0);
		got += n > 0 ? (size_t)n : 0;
		turn(fixture);
	} while (n > 0);
	assert_int_equal(n, 0);
	assert_int_equal(got, fixture->context.large + strlen("{'v':1,'ok':true,'result':''}\n"));
	close(lazy);
}

static void there_is_an_end_to_connections(void **state)
{
	struct fixture *fixture = *state;
	int fds[200], pair[2], count = 0;

	for (;;) {
		assert_true(count < 200);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		fds[count++] = pair[0];
		if (add_control_client(fixture->server, pair[1], true) == -EBUSY)
			break;
	}
	/* Readers do not take the controllers' places. */
	expect_exchange(fixture, false, "{\"v\":1,\"method\":\"change\"}\n",
			"{\"v\":1,\"ok\":true,\"result\":{}}\n");
	while (count > 0)
		close(fds[--count]);
	turn(fixture);
	expect_exchange(fixture, true, "{\"v\":1,\"method\":\"echo\"}\n",
			"{\"v\":1,\"ok\":true,\"result\":{\"params\":null}}\n");
}

static void an_answer_may_take_several_pieces(void **state)
{
	struct fixture *fixture = *state;

	expect_exchange(fixture, true, "{\"v\":1,\"method\":\"count\",\"params\":{\"pieces\":3}}\n",
			"{\"v\":1,\"ok\":true,\"result\":{\"pieces\":3}}\n");
	expect_exchange(fixture, true, "{\"v\":1,\"method\":\"count\"}\n",
			"{\"v\":1,\"ok\":false,\"error\":\"pieces: expected some\"}\n");
	expect_exchange(fixture, true,
			"{\"v\":1,\"method\":\"count\",\"params\":{\"pieces\":-1}}\n",
			"{\"v\":1,\"ok\":false,\"error\":\"cannot count\"}\n");
	assert_int_equal(fixture->context.tasks, 0);
}

/* Begins one that will not come to its end, and lets it do some pieces. */
static int begin_endless_task(struct fixture *fixture)
{
	int fd = connect_client(fixture, true);

	say(fd, "{\"v\":1,\"method\":\"count\",\"params\":{\"pieces\":1000000000}}\n");
	for (int i = 0; i < 10; i++)
		sd_event_run(fixture->event, 0);
	assert_int_equal(fixture->context.tasks, 1);
	assert_in_range(fixture->context.pieces, 1, 10);
	return fd;
}

static void requests_are_answered_before_the_next_piece(void **state)
{
	struct fixture *fixture = *state;
	int endless = begin_endless_task(fixture), other = connect_client(fixture, false);
	int pieces = fixture->context.pieces;
	char text[256];

	say(other, "{\"v\":1,\"method\":\"change\"}\n");
	while (fixture->context.changes == 0)
		sd_event_run(fixture->event, 0);
	hear(other, text, sizeof(text));
	assert_string_equal(text, "{\"v\":1,\"ok\":true,\"result\":{}}\n");
	assert_int_equal(fixture->context.pieces, pieces);
	sd_event_run(fixture->event, 0);
	assert_int_equal(fixture->context.pieces, pieces + 1);
	close(other);
	close(endless);
}

static int count_change(sd_event_source *source, void *context)
{
	((struct control_context *)context)->changes++;
	return 0;
}

/* Whoever keeps the daemon busy with tasks holds up nothing that it does by itself. */
static void so_is_done_what_can_wait_for_requests(void **state)
{
	struct fixture *fixture = *state;
	int endless = begin_endless_task(fixture), pieces = fixture->context.pieces;
	sd_event_source *sweep = NULL;

	assert_true(sd_event_add_defer(fixture->event, &sweep, count_change, &fixture->context) >=
		    0);
	sd_event_source_set_priority(sweep, SD_EVENT_PRIORITY_NORMAL + 20);
	sd_event_run(fixture->event, 0);
	assert_int_equal(fixture->context.changes, 1);
	assert_int_equal(fixture->context.pieces, pieces);
	sd_event_source_unref(sweep);
	close(endless);
}

static void a_task_ends_with_its_client(void **state)
{
	struct fixture *fixture = *state;

	close(begin_endless_task(fixture));
	turn(fixture);
	assert_int_equal(fixture->context.tasks, 0);

	/* And with the server. */
	fixture->context.pieces = 0;
	close(begin_endless_task(fixture));
	close_control_server(&fixture->server);
	assert_int_equal(fixture->context.tasks, 0);
}

static void streams_get_what_is_published(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client(fixture, true);
	json_t *object = json_pack("{s:i}", "n", 1);
	char text[256];

	publish_object(fixture->server, object);
	assert_false(has_stream_clients(fixture->server));
	say(fd, "{\"v\":1,\"method\":\"stream\"}\n");
	turn(fixture);
	hear(fd, text, sizeof(text));
	assert_string_equal(text, "{\"v\":1,\"ok\":true,\"result\":{\"params\":null}}\n");
	assert_true(has_stream_clients(fixture->server));
	publish_object(fixture->server, object);
	hear(fd, text, sizeof(text));
	assert_string_equal(text, "{\"n\":1}\n");
	close(fd);
	turn(fixture);
	assert_false(has_stream_clients(fixture->server));
	json_decref(object);
}

/* Whoever does not read loses lines and is told how many; the rest comes whole and in order. */
static void a_slow_stream_loses_lines_and_knows(void **state)
{
	struct fixture *fixture = *state;
	struct control_client client = {.path = "pair"};
	json_t *object, *line = NULL;
	struct diag diag = {0};
	json_int_t lost = 0, expected = 0;
	const int published = 50000;
	char text[256];

	client.fd = connect_client(fixture, true);
	say(client.fd, "{\"v\":1,\"method\":\"stream\"}\n");
	turn(fixture);
	hear(client.fd, text, sizeof(text));
	for (int i = 0; i < published; i++) {
		object = json_pack(
			"{s:i, s:s}", "n", i, "padding",
			"................................................................");
		publish_object(fixture->server, object);
		json_decref(object);
	}
	while (expected < published) {
		turn(fixture);
		/* What is published after room was made carries the note. */
		object = json_pack("{s:i}", "n", published);
		if (lost == 0)
			publish_object(fixture->server, object);
		json_decref(object);
		assert_int_equal(read_stream(&client, &line, &diag), 0);
		if (json_object_get(line, "lost")) {
			lost = json_integer_value(json_object_get(line, "lost"));
			assert_true(lost > 0);
			json_decref(line);
			break;
		}
		assert_int_equal(json_integer_value(json_object_get(line, "n")), expected);
		expected++;
		json_decref(line);
	}
	assert_true(lost > 0);
	assert_true(expected < published);
	close_control(&client);
}

/* ---- the real sockets ----------------------------------------------------------------------- */

struct call {
	char path[64];
	int result;
	json_t *reply;
	char error[256];
};

static void *make_call(void *context)
{
	struct call *call = context;
	struct diag diag = {0};

	call->result = call_control(call->path, "change", NULL, &(struct patience){10, 0},
				    &call->reply, &diag);
	strncpy(call->error, diag_message(&diag), sizeof(call->error) - 1);
	clear_diag(&diag);
	return NULL;
}

static void call_through(struct fixture *fixture, struct call *call)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, make_call, call), 0);
	while (pthread_tryjoin_np(thread, NULL) == EBUSY)
		sd_event_run(fixture->event, 1000);
}

static void both_sockets_are_served(void **state)
{
	struct fixture *fixture = *state;
	char directory[] = "/tmp/test_server.XXXXXX";
	struct call control = {0}, reader = {0};
	struct diag diag = {0};

	assert_non_null(mkdtemp(directory));
	close_control_server(&fixture->server);
	assert_int_equal(open_control_server(fixture->event, directory, methods,
					     sizeof(methods) / sizeof(methods[0]),
					     &fixture->context, &fixture->server, &diag),
			 0);
	snprintf(control.path, sizeof(control.path), "%s/control.sock", directory);
	snprintf(reader.path, sizeof(reader.path), "%s/read.sock", directory);

	call_through(fixture, &control);
	assert_string_equal(control.error, "");
	assert_int_equal(control.result, 0);
	json_decref(control.reply);
	call_through(fixture, &reader);
	assert_int_equal(reader.result, -EREMOTEIO);
	assert_string_equal(reader.error, "\"change\" needs the control socket (root)");
	assert_int_equal(fixture->context.changes, 1);

	/* A cleaner removes them. */
	assert_int_equal(restore_control_sockets(fixture->server, NULL), 0);
	assert_int_equal(unlink(control.path), 0);
	assert_int_equal(restore_control_sockets(fixture->server, NULL), 1);
	assert_int_equal(restore_control_sockets(fixture->server, NULL), 0);
	call_through(fixture, &control);
	assert_int_equal(control.result, 0);
	json_decref(control.reply);
	assert_int_equal(fixture->context.changes, 2);

	/* The sockets go with the server, and without it the client says so. */
	close_control_server(&fixture->server);
	assert_int_equal(access(control.path, F_OK), -1);
	make_call(&control);
	assert_int_equal(control.result, -EHOSTUNREACH);
	assert_non_null(strstr(control.error, "vmseg-hostd is not running"));
	assert_int_equal(rmdir(directory), 0);
}

static void a_silent_daemon_is_given_up(void **state)
{
	char directory[] = "/tmp/test_server.XXXXXX", path[64];
	struct fixture *fixture = *state;
	struct diag diag = {0};
	json_t *reply = NULL;

	/* It listens, but its loop does not turn. */
	assert_non_null(mkdtemp(directory));
	close_control_server(&fixture->server);
	assert_int_equal(open_control_server(fixture->event, directory, methods, 1,
					     &fixture->context, &fixture->server, &diag),
			 0);
	snprintf(path, sizeof(path), "%s/control.sock", directory);
	assert_int_equal(call_control(path, "echo", NULL, &(struct patience){1, 0}, &reply, &diag),
			 -EHOSTUNREACH);
	assert_null(reply);
	assert_non_null(strstr(diag_message(&diag), "did not answer within 1 seconds"));
	clear_diag(&diag);
	close_control_server(&fixture->server);
	assert_int_equal(rmdir(directory), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_gets_its_reply),
		TEST(nonsense_gets_a_reason),
		TEST(the_read_socket_changes_nothing),
		TEST(a_request_may_come_in_pieces),
		TEST(an_endless_request_is_cut_off),
		TEST(a_client_that_does_not_read_holds_nobody_up),
		TEST(there_is_an_end_to_connections),
		TEST(an_answer_may_take_several_pieces),
		TEST(requests_are_answered_before_the_next_piece),
		TEST(so_is_done_what_can_wait_for_requests),
		TEST(a_task_ends_with_its_client),
		TEST(streams_get_what_is_published),
		TEST(a_slow_stream_loses_lines_and_knows),
		TEST(both_sockets_are_served),
		TEST(a_silent_daemon_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
