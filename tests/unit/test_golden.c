/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images in words: tests/golden/NAME.xml is a domain's metadata, NAME.image what its image must
 * say. `make update-golden` writes what it says now; review the difference before committing it. */
#include <glob.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/read/parse.h"
#include "tests/harness/policy_case.h"
#include "tests/harness/test.h"

static char *read_file(const char *path)
{
	_cleanup_fclose_ FILE *stream = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	if (!stream)
		fail_msg("cannot read %s", path);
	if (getdelim(&text, &room, '\0', stream) < 0)
		fail_msg("%s is empty", path);
	return text;
}

static void write_file(const char *path, const char *text)
{
	FILE *stream = fopen(path, "we");

	assert_non_null(stream);
	fputs(text, stream);
	assert_int_equal(fclose(stream), 0);
}

/* The image of a document, in words. */
static char *describe(const char *path, struct policy_case *test)
{
	const struct group_source groups = case_groups(test);
	_cleanup_free_ char *xml = read_file(path);
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (load_library("policies", &test->library, &test->diag) ||
	    parse_domain_policy(xml, strlen(xml), path, 1, &test->domain, &test->diag) ||
	    resolve_policy(test->library, NULL, test->domain, case_mac, &groups, &test->effective,
			   &test->diag) ||
	    compile_image(test->effective, &test->image, &test->diag))
		fail_msg("%s", case_error(test));
	assert_non_null(stream);
	print_image(test->image, stream);
	assert_int_equal(fclose(stream), 0);
	return text;
}

static void add_groups(struct policy_case *test)
{
	add_case_group(test, "bastion", "10.0.9.1", "fd00:9::1", NULL);
	add_case_group(test, "web", "10.0.1.1", "10.0.1.2", "fd00:1::1", NULL);
	add_case_group(test, "db", "10.0.2.1", "10.0.2.2", NULL);
}

static void check_golden(const char *path)
{
	_cleanup_free_ char *text = NULL, *golden = NULL, *expected = NULL;
	struct policy_case test;

	open_case(&test);
	add_groups(&test);
	text = describe(path, &test);
	assert_true(asprintf(&golden, "%.*s.image", (int)(strlen(path) - strlen(".xml")), path) >
		    0);
	if (getenv("VMSEG_UPDATE_GOLDEN"))
		write_file(golden, text);
	expected = read_file(golden);
	if (strcmp(text, expected) != 0)
		fail_msg("%s is out of date; the image now says:\n%s", golden, text);
	close_case(&test);
}

static void images_say_what_they_said(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob("tests/golden/*.xml", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 12);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_golden(found.gl_pathv[i]);
	globfree(&found);
}

/* Whoever ships a policy shows its image here. */
static void every_shipped_policy_has_one(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob("policies/*.xml", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		_cleanup_free_ char *text = read_file(found.gl_pathv[i]);
		const char *name = strrchr(found.gl_pathv[i], '/') + 1;
		_cleanup_free_ char *golden = NULL;

		if (strstr(text, "<set "))
			continue;
		assert_true(asprintf(&golden, "tests/golden/%s", name) > 0);
		if (access(golden, R_OK) < 0)
			fail_msg("there is no %s", golden);
	}
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_say_what_they_said),
		cmocka_unit_test(every_shipped_policy_has_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
