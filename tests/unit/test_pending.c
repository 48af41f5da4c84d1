/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pending changes: what the next daemon makes of what the last one left. */
#include <sys/stat.h>
#include <time.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/change/pending.h"
#include "hostd/change/policy_file.h"
#include "hostd/enforce/inventory/state_file.h"
#include "tests/harness/test.h"

#define SECONDS 60

static char root[32], policies[64], state[64], state_files[80];

static int set_up(void **context)
{
	strcpy(root, "/tmp/test_pending.XXXXXX");
	if (!mkdtemp(root))
		return -1;
	snprintf(policies, sizeof(policies), "%s/policies", root);
	snprintf(state, sizeof(state), "%s/state", root);
	snprintf(state_files, sizeof(state_files), "%s/pending", state);
	return mkdir(policies, 0755);
}

static int tear_down(void **context)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void write_file(const char *name, const char *text)
{
	assert_int_equal(write_policy_file(policies, name, text, NULL), 0);
}

static void expect_file(const char *name, const char *expected)
{
	char path[128], text[64] = "";
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", policies, name);
	stream = fopen(path, "re");
	if (!expected) {
		assert_null(stream);
		return;
	}
	assert_non_null(stream);
	assert_non_null(fgets(text, sizeof(text), stream));
	fclose(stream);
	assert_string_equal(text, expected);
}

static struct pending_changes load(void)
{
	struct pending_changes changes;

	assert_int_equal(load_pending(state, &changes, NULL), 0);
	return changes;
}

/* As a daemon that is killed right after it has written "new". */
static void apply(const char *name)
{
	_cleanup_(free_pending) struct pending_changes changes = load();
	struct pending_change *change;

	assert_int_equal(add_pending(&changes, policies, name, "new", SECONDS, &change, NULL), 0);
	write_file(name, "new");
}

/* Changes a member of the state file. */
static void tamper(const char *name, const char *member, json_t *value)
{
	char path[128];
	json_t *object;

	snprintf(path, sizeof(path), "%s/%s.json", state_files, name);
	object = json_load_file(path, 0, NULL);
	assert_non_null(object);
	assert_int_equal(json_object_set_new(object, member, value), 0);
	assert_int_equal(write_state_file(state_files, name, object, NULL), 0);
	json_decref(object);
}

static void the_next_daemon_knows_all_of_it(void **context)
{
	_cleanup_(free_pending) struct pending_changes changes = {0};
	const struct pending_change *change;
	uint64_t before = boottime_usec();

	write_file("web", "old");
	apply("web");
	apply("office");
	changes = load();
	assert_int_equal(HASH_COUNT(changes.table), 2);
	change = find_pending(&changes, "web");
	assert_string_equal(change->directory, policies);
	assert_string_equal(change->written, "new");
	assert_true(change->existed);
	assert_false(find_pending(&changes, "office")->existed);
	assert_int_equal(change->seconds, SECONDS);
	assert_in_range(change->deadline, before + SECONDS * USEC_PER_SEC,
			boottime_usec() + SECONDS * USEC_PER_SEC);
	assert_int_equal(next_deadline(&changes), change->deadline);
	assert_null(find_pending(&changes, "nothing"));
}

static void the_file_of_before_comes_back(void **context)
{
	_cleanup_(free_pending) struct pending_changes changes = {0};

	write_file("web", "old");
	apply("web");
	apply("office");
	expect_file("web.xml", "new");
	changes = load();
	assert_int_equal(restore_pending(&changes, find_pending(&changes, "web"), NULL), 0);
	assert_int_equal(restore_pending(&changes, find_pending(&changes, "office"), NULL), 0);
	expect_file("web.xml", "old");
	expect_file("office.xml", NULL);
	expect_file(".web.xml.before", NULL);
	expect_file("web.xml.edited", NULL);
	free_pending(&changes);
	changes = load();
	assert_null(changes.table);
	assert_int_equal(next_deadline(&changes), UINT64_MAX);
}

static void what_is_confirmed_stays(void **context)
{
	_cleanup_(free_pending) struct pending_changes changes = {0};

	write_file("web", "old");
	apply("web");
	changes = load();
	assert_int_equal(settle_pending(&changes, find_pending(&changes, "web"), NULL), 0);
	assert_null(changes.table);
	expect_file("web.xml", "new");
	expect_file(".web.xml.before", NULL);
	free_pending(&changes);
	changes = load();
	assert_null(changes.table);
}

/* The daemon was killed before it wrote the file. */
static void what_was_never_done_need_not_be_undone(void **context)
{
	_cleanup_(free_pending) struct pending_changes changes = load();
	struct pending_change *change;

	write_file("web", "old");
	assert_int_equal(add_pending(&changes, policies, "web", "new", SECONDS, &change, NULL), 0);
	assert_int_equal(add_pending(&changes, policies, "set", "new", SECONDS, &change, NULL), 0);
	free_pending(&changes);
	changes = load();
	assert_null(changes.table);
	expect_file("web.xml", "old");
	expect_file(".web.xml.before", NULL);
}

/* Both names are the same file's, which rename() leaves as they are. */
static void what_is_in_place_already_is_restored(void **context)
{
	char path[128], kept[128];
	char *edited = NULL;

	write_file("web", "old");
	snprintf(path, sizeof(path), "%s/web.xml", policies);
	snprintf(kept, sizeof(kept), "%s/.web.xml.before", policies);
	assert_int_equal(link(path, kept), 0);
	assert_int_equal(restore_policy_file(policies, "web", true, "new", &edited, NULL), 0);
	assert_null(edited);
	expect_file("web.xml", "old");
	expect_file(".web.xml.before", NULL);
}

static void without_the_file_of_before_the_new_one_stays(void **context)
{
	_cleanup_(free_pending) struct pending_changes changes = {0};
	_cleanup_(clear_diag) struct diag diag = {0};

	write_file("web", "old");
	apply("web");
	drop_kept_file(policies, "web");
	changes = load();
	assert_int_equal(restore_pending(&changes, find_pending(&changes, "web"), &diag), -ENOENT);
	assert_non_null(
		strstr(diag_message(&diag), ".web.xml.before: the previous file no longer exists"));
	assert_false(find_pending(&changes, "web")->restored);
	expect_file("web.xml", "new");
}

/* What is in the way need not be a file with text. */
static void whatever_is_there_is_set_aside(void **context)
{
	_cleanup_(free_pending) struct pending_changes changes = {0};
	char path[128], aside[144];
	struct stat status;

	write_file("web", "old");
	apply("web");
	snprintf(path, sizeof(path), "%s/web.xml", policies);
	snprintf(aside, sizeof(aside), "%s.edited", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	changes = load();
	assert_int_equal(restore_pending(&changes, find_pending(&changes, "web"), NULL), 0);
	expect_file("web.xml", "old");
	assert_int_equal(stat(aside, &status), 0);
	assert_true(S_ISFIFO(status.st_mode));
}

static void after_a_reboot_the_wall_clock_tells(void **context)
{
	static const struct {
		int wall_left;
		uint32_t expected;
	} cases[] = {{30, 30}, {-5, 0}, {100000, SECONDS}};

	write_file("web", "old");
	apply("web");
	tamper("web", "boot_id", json_string("another boot"));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(free_pending) struct pending_changes changes = {0};
		uint32_t left;

		tamper("web", "wall_deadline", json_integer(time(NULL) + cases[i].wall_left));
		changes = load();
		left = seconds_left(find_pending(&changes, "web"));
		/* The clock may have ticked on. */
		assert_true(left == cases[i].expected || left + 1 == cases[i].expected);
	}
}

static void within_a_boot_the_wall_clock_does_not_matter(void **context)
{
	_cleanup_(free_pending) struct pending_changes changes = {0};

	write_file("web", "old");
	apply("web");
	tamper("web", "wall_deadline", json_integer(1));
	changes = load();
	assert_true(seconds_left(find_pending(&changes, "web")) > 0);
}

static void what_is_no_state_file_is_left(void **context)
{
	static const struct {
		const char *member, *value;
	} cases[] = {{"name", "../web"}, {"name", NULL},    {"directory", NULL},
		     {"written", NULL},  {"seconds", NULL}, {"version", "1"}};

	write_file("web", "old");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(free_pending) struct pending_changes changes = {0};

		apply("web");
		tamper("web", cases[i].member,
		       cases[i].value ? json_string(cases[i].value) : json_null());
		changes = load();
		assert_null(changes.table);
		expect_file("web.xml", "new");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_next_daemon_knows_all_of_it),
		TEST(the_file_of_before_comes_back),
		TEST(what_is_confirmed_stays),
		TEST(what_was_never_done_need_not_be_undone),
		TEST(what_is_in_place_already_is_restored),
		TEST(without_the_file_of_before_the_new_one_stays),
		TEST(whatever_is_there_is_set_aside),
		TEST(after_a_reboot_the_wall_clock_tells),
		TEST(within_a_boot_the_wall_clock_does_not_matter),
		TEST(what_is_no_state_file_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
