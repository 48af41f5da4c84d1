/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg policy check FILE...: all that the daemon would do with a policy, up to the compiled image,
 * without a daemon and without touching the host. Sets are looked up in the file's own directory;
 * groups have no members here.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/json_text.h"
#include "hostd/ctl/command_line.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/output.h"
#include "hostd/ctl/reply.h"
#include "hostd/policy/check/trial.h"
#include "hostd/policy/read/library.h"
#include "hostd/policy/read/parse.h"

static int try_beside_neighbours(const char *path, struct policy *policy, uint32_t *ret_nodes,
				 struct diag *diag)
{
	_cleanup_(free_library) struct library *library = NULL;
	_cleanup_free_ char *copy = strdup(path);
	int r = copy ? load_library(dirname(copy), &library, diag) : -ENOMEM;

	return r < 0 ? r : try_policy(library, policy, ret_nodes, diag);
}

static int check_file(const char *path, json_t *report, struct diag *diag)
{
	_cleanup_(free_policy) struct policy *policy = NULL;
	_cleanup_(free_address_set) struct address_set *set = NULL;
	uint32_t nodes = 0;
	int r = parse_policy_file(path, &policy, &set, diag);

	if (r < 0)
		return r;
	if (set) {
		json_object_update_new(report, json_pack("{s:s, s:s, s:I}", "kind", "set", "name",
							 set->name, "prefixes",
							 (json_int_t)set->prefix_count));
		return 0;
	}
	r = try_beside_neighbours(path, policy, &nodes, diag);
	if (r == 0)
		json_object_update_new(report, json_pack("{s:s, s:s, s:I, s:I}", "kind", "policy",
							 "name", policy->name, "rules",
							 (json_int_t)policy->rule_count, "nodes",
							 (json_int_t)nodes));
	return r;
}

static json_t *report_warnings(const struct diag *diag)
{
	json_t *warnings = json_array();

	for (size_t i = 0; i < diag->warning_count; i++)
		json_array_append_new(warnings, json_sprintf("%s: %s", diag->warnings[i].where,
							     diag->warnings[i].text));
	return warnings;
}

static json_t *report_file(const char *path)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	json_t *report = json_pack("{s:o}", "file", json_text(path));
	int r = check_file(path, report, &diag);

	json_object_set_new(report, "ok", json_boolean(r == 0));
	json_object_set_new(report, "warnings", report_warnings(&diag));
	if (r < 0)
		json_object_set_new(report, "error", json_text(diag_message(&diag)));
	return report;
}

static void print_report(const json_t *report)
{
	bool is_set = strcmp(get_text(report, "kind"), "set") == 0;
	json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(report, "warnings"), i, warning)
		fprintf(stderr, "vmseg: warning: %s\n", json_string_value(warning));
	if (!get_flag(report, "ok"))
		fprintf(stderr, "vmseg: %s\n", get_text(report, "error"));
	else if (is_set)
		printf("%s: set %s, %" JSON_INTEGER_FORMAT " prefixes\n", get_text(report, "file"),
		       get_text(report, "name"), get_number(report, "prefixes"));
	else
		printf("%s: policy %s, %" JSON_INTEGER_FORMAT " rules, %" JSON_INTEGER_FORMAT
		       " nodes\n",
		       get_text(report, "file"), get_text(report, "name"),
		       get_number(report, "rules"), get_number(report, "nodes"));
}

static int run(const struct invocation *invocation)
{
	json_t *reports = json_array();
	int result = STATUS_OK;

	for (size_t i = 0; i < invocation->argument_count; i++) {
		json_t *report = report_file(invocation->arguments[i]);

		if (!get_flag(report, "ok"))
			result = STATUS_FAILED;
		if (!is_given(invocation, "json")) {
			escape_texts(report);
			print_report(report);
		}
		json_array_append_new(reports, report);
	}
	if (is_given(invocation, "json") && print_json(reports) != STATUS_OK)
		result = STATUS_FAILED;
	json_decref(reports);
	return result;
}

static const struct command_argument arguments[] = {
	{"FILE", .values = VALUES_FILES, .repeated = true},
	{0},
};

const struct command policy_check_command = {
	.name = "policy check",
	.help = "check policy files; needs no daemon",
	.arguments = arguments,
	.run = run,
};
