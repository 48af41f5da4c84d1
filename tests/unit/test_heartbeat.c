/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a process that has a socket is taken to answer no more. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostd/base/clock.h"
#include "hostd/base/heartbeat.h"
#include "hostd/control/client.h"
#include "hostd/control/server.h"
#include "tests/harness/test.h"

/* More connections than a socket keeps in its queue. */
#define QUEUE_MAX 200

#define SECONDS(n) ((n)*USEC_PER_SEC)
#define NOW        SECONDS(1000)

static char directory[] = "/tmp/test_heartbeat.XXXXXX";
static char path[64];

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/" HEARTBEAT_FILE, directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

/* ---- the rule ------------------------------------------------------------------------------- */

static void who_beats_is_not_silent(void **state)
{
	struct heartbeat_watch watch = {0};
	struct beat beat = {.when = NOW - SECONDS(1)};

	(void)state;
	for (uint64_t later = 0; later <= SECONDS(1); later += SECONDS(1) / 10)
		assert_false(judge_silence(&beat, NOW + later, 5, SECONDS(2), &watch));
}

static void who_neither_beats_nor_works_is_silent(void **state)
{
	struct heartbeat_watch watch = {0};
	struct beat beat = {.when = NOW - SECONDS(10)};

	(void)state;
	/* It has to be watched for a while. */
	assert_false(judge_silence(&beat, NOW, 5, SECONDS(2), &watch));
	assert_false(judge_silence(&beat, NOW + HEARTBEAT_WATCH_USEC - 1, 5, SECONDS(2), &watch));
	assert_true(judge_silence(&beat, NOW + HEARTBEAT_WATCH_USEC, 5, SECONDS(2), &watch));
}

static void who_works_is_not_silent(void **state)
{
	struct heartbeat_watch watch = {0};
	struct beat beat = {.when = NOW - SECONDS(10)};
	uint64_t cpu = 5;

	(void)state;
	for (uint64_t later = 0; later <= SECONDS(30); later += SECONDS(1) / 10)
		assert_false(judge_silence(&beat, NOW + later, cpu++, SECONDS(2), &watch));
	/* And is from then on when it does not work any more. */
	assert_true(judge_silence(&beat, NOW + SECONDS(31), cpu - 1, SECONDS(2), &watch));
}

static void a_beat_from_ahead_is_a_beat(void **state)
{
	struct heartbeat_watch watch = {.cpu = 5, .since = 1};
	struct beat beat = {.when = NOW + SECONDS(100)};

	(void)state;
	assert_false(judge_silence(&beat, NOW, 5, SECONDS(2), &watch));
}

/* ---- the file ------------------------------------------------------------------------------- */

static void without_a_heartbeat_nobody_is_silent(void **state)
{
	struct heartbeat_watch watch = {.cpu = 0, .since = 1};
	FILE *file;

	(void)state;
	assert_false(is_silent(path, 0, &watch));
	file = fopen(path, "we");
	assert_true(file && fputs("short", file) >= 0 && fclose(file) == 0);
	assert_false(is_silent(path, 0, &watch));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(is_silent(path, 0, &watch));
	assert_int_equal(unlink(path), 0);
}

static void the_file_is_its_own_and_may_be_read(void **state)
{
	mode_t before = umask(0077);
	struct stat status;
	int fd;

	(void)state;
	assert_int_equal(symlink("/nonexistent/file", path), 0);
	fd = open_heartbeat(directory);
	umask(before);
	assert_true(fd >= 0);
	assert_int_equal(lstat(path, &status), 0);
	assert_int_equal(status.st_mode, S_IFREG | 0644);
	assert_int_equal(status.st_size, sizeof(struct beat));
	assert_int_equal(beat(fd), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(beat(fd), -ENOENT);
	close_heartbeat(directory, &fd);
	assert_int_equal(fd, -1);
	assert_int_equal(beat(fd), -ENOENT);
	assert_int_equal(open_heartbeat("/nonexistent"), -ENOENT);
}

/* ---- a client ------------------------------------------------------------------------------- */

/* A process that beats once, in the past, and is stopped. */
static pid_t start_stopped(void)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct beat beat = {.when = monotonic_usec() - SECONDS(100), .pid = getpid()};
		int fd = open_heartbeat(directory);

		if (fd < 0 || pwrite(fd, &beat, sizeof(beat), 0) != sizeof(beat))
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	assert_true(WIFSTOPPED(status));
	return child;
}

/* The socket listens and nobody reads it. A client that waited would wait for an hour. */
static void nobody_waits_for_who_is_stopped(void **state)
{
	const struct patience patience = {.timeout = 3600};
	struct control_server *server = NULL;
	pid_t child = start_stopped();
	struct diag diag = {0};
	json_t *reply = NULL;
	struct control_client clients[QUEUE_MAX];
	char socket_path[64];
	sd_event *event;
	int count, r;

	(void)state;
	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(open_control_server(event, directory, NULL, 0, NULL, &server, NULL), 0);
	snprintf(socket_path, sizeof(socket_path), "%s/control.sock", directory);
	assert_int_equal(call_control(socket_path, "echo", NULL, &patience, &reply, &diag),
			 -EHOSTUNREACH);
	assert_null(reply);
	assert_string_equal(diag.error.where, socket_path);
	assert_string_equal(diag.error.text,
			    "vmseg-hostd is there but gives no sign of life: it may be stopped or "
			    "frozen");
	clear_diag(&diag);
	/* Nor where the socket takes no more connections. */
	r = 0;
	for (count = 0; r == 0 && count < QUEUE_MAX; count++) {
		clients[count].fd = -1;
		r = connect_control(socket_path, &patience, &clients[count], NULL);
	}
	assert_int_equal(r, -EHOSTUNREACH);
	assert_true(count > 1);
	for (int i = 0; i < count; i++)
		close_control(&clients[i]);
	close_control_server(&server);
	sd_event_unref(event);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_beats_is_not_silent),
		cmocka_unit_test(who_neither_beats_nor_works_is_silent),
		cmocka_unit_test(who_works_is_not_silent),
		cmocka_unit_test(a_beat_from_ahead_is_a_beat),
		cmocka_unit_test(without_a_heartbeat_nobody_is_silent),
		cmocka_unit_test(the_file_is_its_own_and_may_be_read),
		cmocka_unit_test(nobody_waits_for_who_is_stopped),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
