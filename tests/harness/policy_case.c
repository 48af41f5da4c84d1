/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/harness/policy_case.h"

#include <dirent.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"
#include "tests/harness/test.h"

const uint8_t case_mac[MAC_BYTES] = {0x52, 0x54, 0, 0, 0, 1};

void open_case(struct policy_case *test)
{
	*test = (struct policy_case){.directory = "/tmp/vmseg-case-XXXXXX"};
	assert_non_null(mkdtemp(test->directory));
	set_schema_path("build/vmseg.rng");
}

static void remove_directory(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *item;

	assert_non_null(directory);
	while ((item = readdir(directory))) {
		if (item->d_name[0] != '.')
			assert_int_equal(unlinkat(dirfd(directory), item->d_name, 0), 0);
	}
	closedir(directory);
	assert_int_equal(rmdir(path), 0);
}

static void clear_results(struct policy_case *test)
{
	clear_diag(&test->diag);
	free_image(&test->image);
	free_effective_policy(&test->effective);
	free_domain_policy(&test->domain);
	free_library(&test->library);
}

void close_case(struct policy_case *test)
{
	clear_results(test);
	free_policy(&test->mandatory);
	for (size_t i = 0; i < test->group_count; i++)
		free(test->groups[i].members);
	remove_directory(test->directory);
}

void add_case_file(struct policy_case *test, const char *name, const char *xml)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.xml", test->directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(xml, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

void add_case_group(struct policy_case *test, const char *name, ...)
{
	struct case_group *group = &test->groups[test->group_count++];
	const char *member;
	va_list arguments;

	assert_true(test->group_count <= CASE_GROUPS_MAX);
	snprintf(group->name, sizeof(group->name), "%s", name);
	va_start(arguments, name);
	while ((member = va_arg(arguments, const char *))) {
		group->members =
			reallocarray(group->members, group->count + 1, sizeof(*group->members));
		assert_non_null(group->members);
		assert_int_equal(parse_prefix(member, &group->members[group->count++]), PREFIX_OK);
	}
	va_end(arguments);
	if (group->count)
		qsort(group->members, group->count, sizeof(*group->members), compare_prefixes);
}

static size_t find_members(void *context, const char *name, const struct prefix **ret)
{
	const struct policy_case *test = context;

	for (size_t i = 0; i < test->group_count; i++) {
		if (strcmp(test->groups[i].name, name) == 0) {
			*ret = test->groups[i].members;
			return test->groups[i].count;
		}
	}
	return 0;
}

struct group_source case_groups(struct policy_case *test)
{
	return (struct group_source){find_members, test};
}

int build_case(struct policy_case *test, const char *domain_content)
{
	const struct group_source groups = case_groups(test);
	_cleanup_free_ char *xml = NULL;
	int r;

	clear_results(test);
	assert_true(asprintf(&xml, "<domain xmlns=\"urn:vmseg:1\">%s</domain>", domain_content) >
		    0);
	r = load_library(test->directory, &test->library, &test->diag);
	if (!r)
		r = parse_domain_policy(xml, strlen(xml), "domain case", 1, &test->domain,
					&test->diag);
	if (!r)
		r = resolve_policy(test->library, test->mandatory, test->domain, case_mac, &groups,
				   &test->effective, &test->diag);
	return r ? r : compile_image(test->effective, &test->image, &test->diag);
}

void compile_case(struct policy_case *test, const char *policy_content)
{
	_cleanup_free_ char *xml = NULL;
	int r;

	assert_true(asprintf(&xml, "<policy>%s</policy>", policy_content) > 0);
	r = build_case(test, xml);
	if (r)
		fail_msg("%s", case_error(test));
}

const char *case_error(struct policy_case *test)
{
	return diag_message(&test->diag);
}

struct policy_query make_query(enum direction direction, const char *remote, uint8_t protocol,
			       uint16_t port)
{
	struct policy_query query = {.direction = direction, .protocol = protocol, .port = port};
	struct prefix prefix;

	assert_int_equal(parse_prefix(remote, &prefix), PREFIX_OK);
	memcpy(query.remote, prefix.address, sizeof(query.remote));
	return query;
}

uint32_t judge_case(const struct policy_case *test, const struct policy_query *query,
		    bool *ret_allow)
{
	uint32_t cell = look_up_verdict(test->image, query);

	*ret_allow = cell & VERDICT_ALLOW;
	return cell & VERDICT_RULE_MASK;
}
