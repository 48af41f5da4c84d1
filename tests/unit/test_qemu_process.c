/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a QEMU has open, by a made /proc.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostd/domain/qemu_process.h"
#include "tests/harness/test.h"

#define UUID "00000000-0000-0000-0000-000000000011"

static char directory[] = "/tmp/vmseg-process.XXXXXX";
static char pids[64], process[64], fdinfo[80], fds[80];

static struct domain domain = {
	.name = (char[]){"web"},
	.uuid = UUID,
	.driver = (char[]){"qemu"},
};

static void write_bytes(const char *folder, const char *name, const char *text, size_t size)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void write_text(const char *folder, const char *name, const char *text)
{
	write_bytes(folder, name, text, strlen(text));
}

/* The test's own process is one that exists. */
static int make_process(void **state)
{
	static const char arguments[] = "qemu\0-name\0-uuid\0-uuid\0" UUID "\0-S";
	char pid[32];

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(pids, sizeof(pids), "%s/qemu", directory);
	snprintf(process, sizeof(process), "%s/%d", directory, (int)getpid());
	snprintf(fdinfo, sizeof(fdinfo), "%s/fdinfo", process);
	snprintf(fds, sizeof(fds), "%s/fd", process);
	assert_int_equal(mkdir(pids, 0700) | mkdir(process, 0700) | mkdir(fdinfo, 0700) |
				 mkdir(fds, 0700),
			 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	write_text(pids, "web.pid", pid);
	write_bytes(process, "cmdline", arguments, sizeof(arguments));
	set_process_paths(directory, directory);
	return 0;
}

static int remove_process(void **state)
{
	char command[96];

	(void)state;
	set_process_paths(NULL, NULL);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	assert_int_equal(system(command), 0);
	strcpy(directory, "/tmp/vmseg-process.XXXXXX");
	return 0;
}

static void add_file(const char *number, const char *info)
{
	char path[128];

	write_text(fdinfo, number, info);
	snprintf(path, sizeof(path), "%s/%s", fds, number);
	assert_int_equal(symlink("anon_inode:[eventfd]", path), 0);
}

static void taps_are_found(void **state)
{
	struct held_devices held;

	(void)state;
	add_file("3", "pos:\t0\nflags:\t02\nmnt_id:\t15\n");
	add_file("4", "pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t9\niff:\tvnet0\n");
	add_file("5", "pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t9\niff:\tvnet0\n");
	add_file("6", "pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t9\niff:\ta123456789abcde\n");
	/* No name of a device is so long. */
	add_file("7", "pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t9\niff:\ta123456789abcdef\n");
	assert_int_equal(read_held_devices(&domain, &held), 0);
	assert_int_equal(held.count, 2);
	assert_true(holds_device(&held, "vnet0"));
	assert_true(holds_device(&held, "a123456789abcde"));
	assert_false(holds_device(&held, "vnet"));
	free_held_devices(&held);
	assert_int_equal(held.count, 0);
}

static void another_domains_process_is_told_apart(void **state)
{
	static const char arguments[] = "qemu\0-uuid\0-other\0" UUID;
	struct held_devices held = {.count = 7};

	(void)state;
	assert_true(may_run(&domain));
	write_bytes(process, "cmdline", arguments, sizeof(arguments));
	assert_int_equal(read_held_devices(&domain, &held), -EBADMSG);
	assert_false(may_run(&domain));
	write_bytes(pids, "web.pid", "", 0);
	assert_int_equal(read_held_devices(&domain, &held), -EBADMSG);
	write_text(pids, "web.pid", "-1");
	assert_int_equal(read_held_devices(&domain, &held), -EBADMSG);
	assert_int_equal(held.count, 7);
}

static void without_a_pid_file_nothing_is_known(void **state)
{
	struct held_devices held = {.count = 7};
	char path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/web.pid", pids);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(read_held_devices(&domain, &held), -ENOENT);
	assert_int_equal(held.count, 7);
	assert_false(may_run(&domain));
}

/* Its process is libvirt_lxc, which has no UUID among its arguments. */
static void a_container_has_a_process_too(void **state)
{
	static const char arguments[] = "libvirt_lxc\0--name\0box\0--console\0" UUID;
	struct domain box = {.name = (char[]){"box"}, .uuid = UUID, .driver = (char[]){"lxc"}};
	char path[96], pid[32];

	(void)state;
	assert_false(may_run(&box));
	snprintf(path, sizeof(path), "%s/lxc", directory);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	write_text(path, "box.pid", pid);
	assert_false(may_run(&box));
	write_bytes(process, "cmdline", arguments, sizeof(arguments));
	assert_true(may_run(&box));
	write_text(path, "box.pid", "4194305");
	assert_false(may_run(&box));
}

/* A number that no process has: the kernel's limit is 2^22 (PID_MAX_LIMIT). */
static void a_process_that_has_ended_holds_nothing(void **state)
{
	struct held_devices held = {.count = 7};

	(void)state;
	write_text(pids, "web.pid", "4194305");
	assert_int_equal(read_held_devices(&domain, &held), 0);
	assert_int_equal(held.count, 0);
	write_bytes(process, "cmdline", "", 0);
	assert_int_equal(read_held_devices(&domain, &held), 0);
}

/* A process can replace its arguments by none. */
static void without_arguments_open_files_count(void **state)
{
	struct held_devices held;

	(void)state;
	write_bytes(process, "cmdline", "", 0);
	add_file("4", "pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t9\niff:\tvnet0\n");
	assert_int_equal(read_held_devices(&domain, &held), 0);
	assert_true(holds_device(&held, "vnet0"));
	free_held_devices(&held);
}

/* After the first thread has ended, /proc shows neither arguments nor files of the others. */
static void a_process_whose_first_thread_has_ended_is_in_doubt(void **state)
{
	struct held_devices held = {.count = 7};
	struct stat status;
	char path[96];

	(void)state;
	write_bytes(process, "cmdline", "", 0);
	snprintf(path, sizeof(path), "%s/task", process);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(read_held_devices(&domain, &held), 0);
	for (const char *thread = "12"; *thread; thread++) {
		snprintf(path, sizeof(path), "%s/task/%c", process, *thread);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	snprintf(path, sizeof(path), "%s/task", process);
	/* /proc counts threads there; some file systems do not count folders. */
	if (stat(path, &status) < 0 || status.st_nlink < 4)
		skip();
	assert_int_equal(read_held_devices(&domain, &held), -EBADMSG);
}

static void more_files_than_a_qemu_has_are_not_read(void **state)
{
	struct held_devices held = {.count = 7};
	char number[16];

	(void)state;
	for (int i = 0; i <= 8192; i++) {
		snprintf(number, sizeof(number), "%d", i);
		add_file(number, "pos:\t0\n");
	}
	assert_int_equal(read_held_devices(&domain, &held), -E2BIG);
	assert_int_equal(held.count, 7);
}

/* It exists, and /proc does not show it. */
static void a_hidden_process_is_no_ended_one(void **state)
{
	struct held_devices held = {.count = 7};

	(void)state;
	write_text(pids, "web.pid", "1");
	assert_int_equal(read_held_devices(&domain, &held), -EACCES);
	assert_true(may_run(&domain));
	assert_int_equal(held.count, 7);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_process, remove_process)
		TEST(taps_are_found),
		TEST(another_domains_process_is_told_apart),
		TEST(without_a_pid_file_nothing_is_known),
		TEST(a_container_has_a_process_too),
		TEST(a_process_that_has_ended_holds_nothing),
		TEST(without_arguments_open_files_count),
		TEST(a_process_whose_first_thread_has_ended_is_in_doubt),
		TEST(more_files_than_a_qemu_has_are_not_read),
		TEST(a_hidden_process_is_no_ended_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
