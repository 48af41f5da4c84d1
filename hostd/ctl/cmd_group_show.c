/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg group show NAME
 */
#include <stdio.h>

#include "hostd/base/cleanup.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/reply.h"
#include "hostd/ctl/text_table.h"

static void show_addresses(FILE *out, const json_t *row, const char *member)
{
	_cleanup_free_ char *text = join_texts(json_object_get(row, member), "none known");

	fputs(text ? text : "", out);
}

static void print_members(const json_t *members)
{
	static const struct column columns[] = {
		{"DOMAIN", .member = "domain"},
		{"ADDRESSES", .member = "addresses", .show = show_addresses},
	};

	print_table(members, columns, ARRAY_SIZE(columns), 2);
}

static void print_texts(const char *name, const json_t *array)
{
	_cleanup_free_ char *text = join_texts(array, "none");

	printf("  %-12s %s\n", name, text ? text : "");
}

static void print_group(const struct invocation *invocation, const json_t *group)
{
	puts(get_text(group, "name"));
	print_texts("policies", json_object_get(group, "policies"));
	print_texts("used by", json_object_get(group, "used_by"));
	if (json_array_size(json_object_get(group, "members")) == 0)
		print_texts("members", NULL);
	print_members(json_object_get(group, "members"));
}

static const struct command_argument arguments[] = {
	{"NAME", .param = "name", .values = VALUES_GROUPS},
	{0},
};

const struct command group_show_command = {
	.name = "group show",
	.help = "show a group's domains with their addresses",
	.arguments = arguments,
	.method = "group-show",
	.print = print_group,
};
