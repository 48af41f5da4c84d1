/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy directory: good files are found, bad ones keep their error and hide no others. */
#include <sys/stat.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"
#include "tests/harness/policy_case.h"
#include "tests/harness/test.h"

#define POLICY(name) "<policy xmlns='urn:vmseg:1' name='" name "'/>"
#define SET(name)    "<set xmlns='urn:vmseg:1' name='" name "'/>"

static struct library *load(const char *directory)
{
	struct library *library = NULL;
	struct diag diag = {0};

	assert_int_equal(load_library(directory, &library, &diag), 0);
	assert_null(diag.error.text);
	return library;
}

static void expect_no_policy(const struct library *library, const char *name, const char *message)
{
	struct diag diag = {0};

	assert_null(find_policy(library, name, &diag));
	assert_string_equal(diag_message(&diag), message);
	clear_diag(&diag);
}

static void policies_and_sets_are_found_by_name(void **state)
{
	_cleanup_(free_library) struct library *library = NULL;
	struct policy_case test;
	struct diag diag = {0};
	char message[256];

	(void)state;
	open_case(&test);
	/* "a-b.xml" sorts before "a.xml", but "a" before "a-b". */
	add_case_file(&test, "a", POLICY("a"));
	add_case_file(&test, "a-b", POLICY("a-b"));
	add_case_file(&test, "s", SET("s"));
	library = load(test.directory);
	assert_string_equal(find_policy(library, "a", &diag)->name, "a");
	assert_string_equal(find_policy(library, "a-b", &diag)->name, "a-b");
	assert_string_equal(find_address_set(library, "s", &diag)->name, "s");
	assert_int_equal(count_bad_files(library), 0);
	expect_no_policy(library, "s", "\"s\" is an address set, not a policy");
	snprintf(message, sizeof(message), "there is no policy \"b\" (no file %s/b.xml)",
		 test.directory);
	expect_no_policy(library, "b", message);
	assert_null(find_address_set(library, "a", &diag));
	assert_string_equal(diag_message(&diag), "\"a\" is a policy, not an address set");
	clear_diag(&diag);
	close_case(&test);
}

static void bad_files_keep_their_error(void **state)
{
	_cleanup_(free_library) struct library *library = NULL;
	struct policy_case test;
	struct diag diag = {0};
	char message[256];

	(void)state;
	open_case(&test);
	add_case_file(&test, "good", POLICY("good"));
	add_case_file(&test, "bad", "<policy xmlns='urn:vmseg:1' name='bad'>\n<rul/></policy>");
	add_case_file(&test, "other", POLICY("name"));
	library = load(test.directory);
	assert_int_equal(count_bad_files(library), 2);
	assert_non_null(find_policy(library, "good", &diag));
	snprintf(message, sizeof(message),
		 "%s/bad.xml:2: <rul>: unknown element in <policy> (expected description, "
		 "default, guards, limits or rule)",
		 test.directory);
	expect_no_policy(library, "bad", message);
	snprintf(message, sizeof(message),
		 "%s/other.xml:1: <policy>: name=\"name\" differs from the name of the file "
		 "(expected \"other\", or the file name name.xml)",
		 test.directory);
	expect_no_policy(library, "other", message);
	close_case(&test);
}

/* Gathers "name=policy" or "name!error" lines. */
static void gather(const char *name, const struct policy *policy, const char *error, void *context)
{
	FILE *stream = context;

	fprintf(stream, "%s%s ", name, policy ? "" : "!");
	assert_int_equal(policy == NULL, error != NULL);
}

static void policies_are_listed_in_order(void **state)
{
	_cleanup_(free_library) struct library *library = NULL;
	_cleanup_free_ char *list = NULL;
	struct policy_case test;
	size_t size;
	FILE *stream = open_memstream(&list, &size);

	(void)state;
	open_case(&test);
	add_case_file(&test, "b", POLICY("b"));
	add_case_file(&test, "s", SET("s"));
	add_case_file(&test, "a", POLICY("a"));
	add_case_file(&test, "c", "");
	library = load(test.directory);
	for_each_policy(library, gather, stream);
	assert_int_equal(fclose(stream), 0);
	assert_string_equal(list, "a b c! ");
	close_case(&test);
}

static struct library *substitute(const struct library *base, const char *xml)
{
	struct library *library = NULL;
	struct address_set *set = NULL;
	struct policy *policy = NULL;

	assert_int_equal(parse_policy_text(xml, strlen(xml), "draft", &policy, &set, NULL), 0);
	assert_int_equal(substitute_entry(base, policy, set, &library), 0);
	return library;
}

static void one_file_may_be_another(void **state)
{
	_cleanup_(free_library) struct library *library = NULL, *repaired = NULL, *more = NULL;
	_cleanup_free_ char *list = NULL;
	struct policy_case test;
	struct diag diag = {0};
	size_t size;
	FILE *stream = open_memstream(&list, &size);

	(void)state;
	open_case(&test);
	add_case_file(&test, "a", POLICY("a"));
	add_case_file(&test, "c", "");
	add_case_file(&test, "s", SET("s"));
	library = load(test.directory);
	repaired = substitute(library, POLICY("c"));
	assert_int_equal(count_bad_files(repaired), 0);
	assert_string_equal(find_policy(repaired, "c", &diag)->place.source, "draft");
	/* What is not substituted is the same. */
	assert_ptr_equal(find_policy(repaired, "a", &diag), find_policy(library, "a", &diag));
	assert_ptr_equal(find_address_set(repaired, "s", &diag),
			 find_address_set(library, "s", &diag));
	/* The base is as it was. */
	assert_int_equal(count_bad_files(library), 1);
	assert_null(find_policy(library, "c", &diag));
	clear_diag(&diag);
	/* What is new takes its place in the order, and a policy may become a set. */
	more = substitute(library, POLICY("b"));
	for_each_policy(more, gather, stream);
	assert_int_equal(fclose(stream), 0);
	assert_string_equal(list, "a b c! ");
	free_library(&more);
	more = substitute(library, SET("a"));
	expect_no_policy(more, "a", "\"a\" is an address set, not a policy");
	close_case(&test);
}

static void what_is_not_a_policy_file_is_passed_over(void **state)
{
	_cleanup_(free_library) struct library *library = NULL;
	static const char *const names[] = {"README", ".hidden.xml", "a.xml~", ".xml"};
	struct policy_case test;
	char path[128];

	(void)state;
	open_case(&test);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", test.directory, names[i]);
		file = fopen(path, "we");
		assert_non_null(file);
		assert_int_equal(fclose(file), 0);
	}
	library = load(test.directory);
	assert_int_equal(count_bad_files(library), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", test.directory, names[i]);
		assert_int_equal(unlink(path), 0);
	}
	close_case(&test);
}

static void a_missing_directory_is_an_empty_library(void **state)
{
	_cleanup_(free_library) struct library *library = load("/nonexistent/policies");
	struct library *none = NULL;
	struct diag diag = {0};

	(void)state;
	expect_no_policy(library, "a",
			 "there is no policy \"a\" (no file "
			 "/nonexistent/policies/a.xml)");
	assert_int_equal(load_library("/dev/null", &none, &diag), -ENOTDIR);
	assert_null(none);
	assert_string_equal(diag_message(&diag),
			    "/dev/null: cannot read the policy directory: Not a directory");
	clear_diag(&diag);
}

static void shipped_files_are_all_good(void **state)
{
	_cleanup_(free_library) struct library *library = load("policies");
	static const char *const names[] = {"quarantine", "allow-out",     "web-server",
					    "database",   "bastion",       "dns-server",
					    "router",     "clean-traffic", "host-mandatory"};
	struct diag diag = {0};

	(void)state;
	assert_int_equal(count_bad_files(library), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct policy *policy = find_policy(library, names[i], &diag);

		assert_non_null(policy);
		assert_non_null(policy->description);
	}
	assert_non_null(find_address_set(library, "rfc1918", &diag));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies_and_sets_are_found_by_name),
		cmocka_unit_test(bad_files_keep_their_error),
		cmocka_unit_test(policies_are_listed_in_order),
		cmocka_unit_test(one_file_may_be_another),
		cmocka_unit_test(what_is_not_a_policy_file_is_passed_over),
		cmocka_unit_test(a_missing_directory_is_an_empty_library),
		cmocka_unit_test(shipped_files_are_all_good),
	};

	set_schema_path("build/vmseg.rng");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
