/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One daemon at a time in a run directory, whatever became of the last. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostd/base/run_directory.h"
#include "tests/harness/test.h"

static char directory[] = "/tmp/test_run_directory.XXXXXX";
static char run[64];

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(run, sizeof(run), "%s/vmseg", directory);
	return 0;
}

static int tear_down(void **state)
{
	char path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/lock", run);
	unlink(path);
	rmdir(run);
	return rmdir(directory);
}

/* A process that holds the directory until it is killed. */
static pid_t start_holder(void)
{
	int ready[2], lock = -1;
	pid_t child;
	char byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (claim_run_directory(run, &lock, NULL) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

static void a_second_daemon_is_refused_and_told_of_the_first(void **state)
{
	struct diag diag = {0};
	char expected[256];
	pid_t holder = start_holder();
	int lock = -1;

	(void)state;
	assert_int_equal(claim_run_directory(run, &lock, &diag), -EBUSY);
	assert_int_equal(lock, -1);
	snprintf(expected, sizeof(expected),
		 "%s: another vmseg-hostd uses this directory (process %d)", run, (int)holder);
	assert_string_equal(diag_message(&diag), expected);
	clear_diag(&diag);

	/* The lock of a daemon that was killed is gone, although its file is there. */
	kill(holder, SIGKILL);
	assert_int_equal(waitpid(holder, NULL, 0), holder);
	assert_int_equal(claim_run_directory(run, &lock, &diag), 0);
	assert_true(lock >= 0);
	close(lock);
}

static void a_place_that_cannot_be_is_an_error(void **state)
{
	struct diag diag = {0};
	int lock = -1;

	(void)state;
	assert_int_equal(claim_run_directory("/nonexistent/vmseg", &lock, &diag), -ENOENT);
	assert_string_equal(diag_message(&diag), "/nonexistent/vmseg: No such file or directory");
	clear_diag(&diag);
}

static void what_is_removed_is_claimed_again(void **state)
{
	struct diag diag = {0};
	int lock = -1, second = -1, before;
	char path[96];

	(void)state;
	assert_int_equal(claim_run_directory(run, &lock, NULL), 0);
	assert_int_equal(reclaim_run_directory(run, &lock, NULL), 0);
	snprintf(path, sizeof(path), "%s/lock", run);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(run), 0);
	before = lock;
	assert_int_equal(reclaim_run_directory(run, &lock, NULL), 1);
	assert_true(lock >= 0 && lock != before);
	assert_int_equal(reclaim_run_directory(run, &lock, NULL), 0);
	assert_int_equal(claim_run_directory(run, &second, NULL), -EBUSY);
	/* Somebody else's by now: what was held is held still. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(claim_run_directory(run, &second, NULL), 0);
	assert_int_equal(reclaim_run_directory(run, &lock, &diag), -EBUSY);
	assert_true(lock >= 0 && fcntl(lock, F_GETFD) >= 0);
	clear_diag(&diag);
	close(second);
	close(lock);
}

static void a_directory_of_others_is_refused(void **state)
{
	struct diag diag = {0};
	int lock = -1;

	(void)state;
	mkdir(run, 0755);
	assert_int_equal(chmod(run, 0775), 0);
	assert_int_equal(claim_run_directory(run, &lock, &diag), -EPERM);
	assert_int_equal(lock, -1);
	assert_string_equal(diag.error.where, run);
	assert_string_equal(
		diag.error.text,
		"mode 0775 allows users other than its owner to write to it (expected 0755)");
	clear_diag(&diag);
	assert_int_equal(chmod(run, 0755), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_removed_is_claimed_again),
		cmocka_unit_test(a_directory_of_others_is_refused),
		cmocka_unit_test(a_second_daemon_is_refused_and_told_of_the_first),
		cmocka_unit_test(a_place_that_cannot_be_is_an_error),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
