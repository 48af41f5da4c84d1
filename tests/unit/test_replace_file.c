/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are replaced whole, or not at all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/replace_file.h"

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
	assert_int_equal(replace_file(path, "one, and longer\n"), 0);
	expect_text("one, and longer\n");
	assert_int_equal(replace_file(path, "two\n"), 0);
	expect_text("two\n");
	assert_int_equal(access(new_path, F_OK), -1);
}

static void what_cannot_be_written_leaves_the_old_one(void **state)
{
	(void)state;
	assert_int_equal(replace_file(path, "old\n"), 0);
	assert_int_equal(mkdir(new_path, 0700), 0);
	assert_int_equal(replace_file(path, "new\n"), -EISDIR);
	expect_text("old\n");
	assert_int_equal(rmdir(new_path), 0);
	assert_int_equal(replace_file("/nonexistent/file", "new\n"), -ENOENT);
}

static void what_cannot_be_renamed_leaves_nothing_behind(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(replace_file(path, "new\n"), -EISDIR);
	assert_int_equal(access(new_path, F_OK), -1);
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_made_and_replaced),
		cmocka_unit_test(what_cannot_be_written_leaves_the_old_one),
		cmocka_unit_test(what_cannot_be_renamed_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
