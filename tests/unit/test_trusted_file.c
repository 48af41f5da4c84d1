/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read only if nobody else could have written it. */
#include <sys/stat.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/trusted_file.h"
#include "tests/harness/test.h"

#define LIMIT 16

static char directory[] = "/tmp/test_trusted_file.XXXXXX";
static char path[64], link_path[64];

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/file", directory);
	snprintf(link_path, sizeof(link_path), "%s/link", directory);
	return symlink(path, link_path);
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	unlink(link_path);
	return rmdir(directory);
}

static void write_file(const char *text, mode_t mode)
{
	FILE *file;

	unlink(path);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

typedef int read_file(const char *name, size_t limit, char **ret_text, size_t *ret_size,
		      struct diag *diag);

static void expect_text(read_file *read, const char *name, const char *expected)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	assert_int_equal(read(name, LIMIT, &text, &size, NULL), 0);
	assert_string_equal(text, expected);
	assert_int_equal(size, strlen(expected));
}

/* `expected` follows the name of what was to be read. */
static void expect_error(read_file *read, const char *name, int error, const char *expected)
{
	struct diag diag = {0};
	char *text = NULL;
	size_t size = 0;

	assert_int_equal(read(name, LIMIT, &text, &size, &diag), error);
	assert_null(text);
	assert_string_equal(diag.error.where, name);
	assert_string_equal(diag.error.text, expected);
	clear_diag(&diag);
}

static void a_file_of_ones_own_is_read(void **state)
{
	(void)state;
	write_file("0123456789abcdef", 0644);
	expect_text(read_trusted_file, path, "0123456789abcdef");
	write_file("", 0600);
	expect_text(read_trusted_file, path, "");
	unlink(path);
	expect_error(read_trusted_file, path, -ENOENT, "cannot read it: No such file or directory");
}

static void a_file_has_a_length(void **state)
{
	(void)state;
	write_file("0123456789abcdef0", 0644);
	expect_error(read_trusted_file, path, -EINVAL, "it is 17 bytes long (at most 16)");
	expect_error(read_regular_file, path, -EINVAL, "it is 17 bytes long (at most 16)");
}

static void what_others_may_write_is_not_read(void **state)
{
	(void)state;
	write_file("text", 0664);
	expect_error(read_trusted_file, path, -EPERM,
		     "mode 0664 allows users other than its owner to write to it (expected 0644)");
	write_file("text", 0602);
	expect_error(read_trusted_file, path, -EPERM,
		     "mode 0602 allows users other than its owner to write to it (expected 0600)");
	expect_text(read_regular_file, path, "text");
}

static void what_belongs_to_others_is_not_read(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	write_file("text", 0644);
	assert_int_equal(chown(path, 65534, 0), 0);
	expect_error(read_trusted_file, path, -EPERM, "it belongs to user 65534 (expected root)");
	expect_text(read_regular_file, path, "text");
}

static void links_are_not_followed(void **state)
{
	(void)state;
	write_file("text", 0644);
	expect_error(read_trusted_file, link_path, -ELOOP,
		     "it is a symbolic link (expected a regular file)");
	expect_text(read_regular_file, link_path, "text");
}

/* A reader of a FIFO would wait for a writer. */
static void only_regular_files_are_read(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_error(read_trusted_file, path, -EINVAL, "it is not a regular file");
	expect_error(read_regular_file, path, -EINVAL, "it is not a regular file");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	expect_error(read_trusted_file, path, -EINVAL, "it is not a regular file");
	assert_int_equal(rmdir(path), 0);
}

static void expect_untrusted(const char *expected)
{
	struct diag diag = {0};
	int fd = -1;

	assert_int_equal(open_trusted_directory(directory, &fd, &diag), -EPERM);
	assert_int_equal(fd, -1);
	assert_string_equal(diag.error.where, directory);
	assert_string_equal(diag.error.text, expected);
	clear_diag(&diag);
}

static void directories_are_judged_alike(void **state)
{
	struct diag diag = {0};
	int fd = -1;

	(void)state;
	assert_int_equal(open_trusted_directory(directory, &fd, NULL), 0);
	assert_int_equal(close(fd), 0);
	fd = -1;
	assert_int_equal(chmod(directory, 01777), 0);
	expect_untrusted(
		"mode 1777 allows users other than its owner to write to it (expected 1755)");
	assert_int_equal(chmod(directory, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(directory, 65534, 0), 0);
		expect_untrusted("it belongs to user 65534 (expected root)");
		assert_int_equal(chown(directory, 0, 0), 0);
	}
	write_file("", 0600);
	assert_int_equal(open_trusted_directory(path, &fd, &diag), -ENOTDIR);
	assert_string_equal(diag.error.text, "cannot open the directory: Not a directory");
	clear_diag(&diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_ones_own_is_read),
		cmocka_unit_test(a_file_has_a_length),
		cmocka_unit_test(what_others_may_write_is_not_read),
		cmocka_unit_test(what_belongs_to_others_is_not_read),
		cmocka_unit_test(links_are_not_followed),
		cmocka_unit_test(only_regular_files_are_read),
		cmocka_unit_test(directories_are_judged_alike),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
