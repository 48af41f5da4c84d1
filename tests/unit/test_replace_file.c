/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are replaced whole, or not at all. */
#include <sys/stat.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/replace_file.h"
#include "tests/harness/test.h"

static char directory[] = "/tmp/test_replace_file.XXXXXX";
static char path[64], new_path[64];

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/file", directory);
	snprintf(new_path, sizeof(new_path), "%s/file.new", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static void expect_text(const char *expected)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char text[256] = "";

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	assert_string_equal(text, expected);
}

static void a_file_is_made_and_replaced(void **state)
{
	(void)state;
	assert_int_equal(replace_file(path, "one, and longer\n", NULL), 0);
	expect_text("one, and longer\n");
	assert_int_equal(replace_file(path, "two\n", NULL), 0);
	expect_text("two\n");
	assert_int_equal(access(new_path, F_OK), -1);
}

/* What a crash has left, or somebody has put there: the text goes to a file of its own. */
static void what_is_in_the_way_is_not_written_to(void **state)
{
	char victim[64];
	struct stat status;

	(void)state;
	snprintf(victim, sizeof(victim), "%s/victim", directory);
	assert_int_equal(replace_file(victim, "keep me\n", NULL), 0);
	assert_int_equal(chmod(victim, 0600), 0);
	assert_int_equal(symlink(victim, new_path), 0);
	assert_int_equal(replace_file(path, "by link\n", NULL), 0);
	expect_text("by link\n");
	assert_int_equal(link(victim, new_path), 0);
	assert_int_equal(replace_file(path, "by name\n", NULL), 0);
	expect_text("by name\n");
	assert_int_equal(mkfifo(new_path, 0600), 0);
	assert_int_equal(replace_file(path, "by pipe\n", NULL), 0);
	expect_text("by pipe\n");
	assert_int_equal(lstat(path, &status), 0);
	assert_true(S_ISREG(status.st_mode) && status.st_nlink == 1);
	assert_int_equal(stat(victim, &status), 0);
	assert_int_equal(status.st_size, strlen("keep me\n"));
	assert_int_equal(unlink(victim), 0);
	/* A link in the file's own place is replaced, not followed. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/nonexistent/file", path), 0);
	assert_int_equal(replace_file(path, "whole\n", NULL), 0);
	expect_text("whole\n");
}

static void the_mode_does_not_depend_on_the_umask(void **state)
{
	struct stat status;
	mode_t before = umask(0077);

	(void)state;
	assert_int_equal(replace_file(path, "text\n", NULL), 0);
	umask(before);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
}

static void a_directory_of_others_is_not_written_to(void **state)
{
	struct diag diag = {0};

	(void)state;
	assert_int_equal(replace_file(path, "old\n", NULL), 0);
	assert_int_equal(chmod(directory, 0777), 0);
	assert_int_equal(replace_file(path, "new\n", &diag), -EPERM);
	assert_string_equal(diag.error.where, directory);
	assert_string_equal(
		diag.error.text,
		"mode 0777 allows users other than its owner to write to it (expected 0755)");
	clear_diag(&diag);
	assert_int_equal(chmod(directory, 0700), 0);
	expect_text("old\n");
}

static void what_cannot_be_written_leaves_the_old_one(void **state)
{
	struct diag diag = {0};

	(void)state;
	assert_int_equal(replace_file(path, "old\n", NULL), 0);
	assert_int_equal(mkdir(new_path, 0700), 0);
	assert_int_equal(replace_file(path, "new\n", NULL), -EISDIR);
	expect_text("old\n");
	assert_int_equal(rmdir(new_path), 0);
	assert_int_equal(replace_file("/nonexistent/file", "new\n", &diag), -ENOENT);
	assert_string_equal(diag.error.where, "/nonexistent");
	clear_diag(&diag);
}

static void what_cannot_be_renamed_leaves_nothing_behind(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(replace_file(path, "new\n", NULL), -EISDIR);
	assert_int_equal(access(new_path, F_OK), -1);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_made_and_replaced),
		cmocka_unit_test(what_is_in_the_way_is_not_written_to),
		cmocka_unit_test(the_mode_does_not_depend_on_the_umask),
		cmocka_unit_test(a_directory_of_others_is_not_written_to),
		cmocka_unit_test(what_cannot_be_written_leaves_the_old_one),
		cmocka_unit_test(what_cannot_be_renamed_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
