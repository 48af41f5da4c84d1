/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read of a directory of state files, and what is kept aside. */
#include <sys/stat.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/enforce/inventory/problems.h"
#include "hostd/enforce/inventory/state_file.h"
#include "tests/harness/test.h"

static char directory[] = "/tmp/test_state_file.XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static const char *path_of(const char *name)
{
	static char path[2][128];
	static unsigned int turn;
	char *out = path[turn++ % 2];

	snprintf(out, sizeof(path[0]), "%s/%s", directory, name);
	return out;
}

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* What a visit has seen: names of good files, and names with the problem of bad ones. */
static char seen[2048];

static void note_file(const struct state_file *file, void *context)
{
	size_t used = strlen(seen);

	(void)context;
	assert_true(!file->state != !file->problem);
	snprintf(seen + used, sizeof(seen) - used, "%s%s%s\n", file->name,
		 file->problem ? ": " : "", file->problem ? file->problem : "");
}

static void note_path(const char *path, void *context)
{
	size_t used = strlen(seen);

	(void)context;
	snprintf(seen + used, sizeof(seen) - used, "%s\n", path + strlen(directory) + 1);
}

static void expect_files(const char *expected)
{
	seen[0] = '\0';
	for_each_state_file(directory, note_file, NULL);
	assert_string_equal(seen, expected);
}

static void expect_bad_files(const char *expected)
{
	seen[0] = '\0';
	for_each_bad_state_file(directory, note_path, NULL);
	assert_string_equal(seen, expected);
}

static void what_is_written_is_read(void **state)
{
	json_t *object = json_pack("{s:i}", "version", 1);

	(void)state;
	assert_int_equal(write_state_file(directory, "one", object, NULL), 0);
	json_decref(object);
	assert_true(has_state_file(directory, "one"));
	write_text("one.json.new", "{");
	write_text("readme", "");
	write_text(".json", "");
	expect_files("one\n");
	assert_int_equal(remove_state_file(directory, "one"), 0);
	assert_int_equal(remove_state_file(directory, "one"), 0);
	assert_false(has_state_file(directory, "one"));
	expect_files("");
}

static void what_is_no_state_file_is_named(void **state)
{
	(void)state;
	write_text("a.json", "{\"a\":1,\"a\":2}");
	assert_int_equal(mkfifo(path_of("b.json"), 0600), 0);
	assert_int_equal(symlink("/etc/passwd", path_of("c.json")), 0);
	assert_int_equal(mkdir(path_of("d.json"), 0700), 0);
	write_text("e.json", "{}");
	assert_int_equal(chmod(path_of("e.json"), 0666), 0);
	assert_false(has_state_file(directory, "b"));
	assert_false(has_state_file(directory, "c"));
	expect_files(
		"a: it is not JSON: duplicate object key near '\"a\"'\n"
		"b: it is not a regular file\n"
		"c: it is a symbolic link (expected a regular file)\n"
		"d: it is not a regular file\n"
		"e: mode 0666 allows users other than its owner to write to it (expected 0644)\n");
}

/* Of the last test's files. */
static void nothing_is_lost_by_setting_aside(void **state)
{
	_cleanup_free_ char *first = NULL, *second = NULL, *link = NULL, *none = NULL;
	struct problem *problems = NULL;
	struct stat status;

	(void)state;
	assert_int_equal(set_aside_state_file(path_of("a.json"), &first), 0);
	assert_string_equal(first, path_of("a.json.bad"));
	write_text("a.json", "second");
	assert_int_equal(set_aside_state_file(path_of("a.json"), &second), 0);
	assert_string_equal(second, path_of("a.json.bad.2"));
	assert_int_equal(set_aside_state_file(path_of("c.json"), &link), 0);
	assert_int_equal(lstat(link, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_int_equal(set_aside_state_file(path_of("a.json"), &none), -ENOENT);
	assert_null(none);
	write_text("f.json.badly", "");
	expect_bad_files("a.json.bad\na.json.bad.2\nc.json.bad\n");
	/* A problem of a file is over when the file is gone, another one when that is said. */
	set_file_problem(&problems, first, "is %s", "bad");
	set_file_problem(&problems, second, "is bad, too");
	set_problem(&problems, "device0", "is strange");
	set_problem(&problems, "device0", "is strange %s", "still");
	drop_solved_problems(&problems);
	assert_int_equal(HASH_COUNT(problems), 3);
	assert_int_equal(unlink(second), 0);
	drop_solved_problems(&problems);
	assert_int_equal(HASH_COUNT(problems), 2);
	assert_string_equal(problems->subject, first);
	assert_string_equal(problems->text, "is bad");
	clear_problem(&problems, first);
	clear_problem(&problems, first);
	assert_int_equal(HASH_COUNT(problems), 1);
	assert_string_equal(problems->text, "is strange still");
	free_problems(&problems);
	assert_null(problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(what_is_no_state_file_is_named),
		cmocka_unit_test(nothing_is_lost_by_setting_aside),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
