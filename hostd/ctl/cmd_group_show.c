/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg group show NAME
 */
#include <stdio.h>

#include "hostd/base/cleanup.h"
#include "hostd/ctl/ctl.h"
#include "hostd/ctl/text_table.h"

static void print_members(const json_t *members)
{
	static const struct column columns[] = {
		{.name = "DOMAIN"},
		{.name = "ADDRESSES"},
	};
	_cleanup_(free_text_table) struct text_table *table =
		new_text_table(columns, ARRAY_SIZE(columns));
	json_t *member;
	size_t i;

	json_array_foreach(members, i, member)
	{
		_cleanup_free_ char *addresses =
			join_texts(json_object_get(member, "addresses"), "none known");

		add_line(table);
		set_text(table, 0, get_text(member, "domain"));
		set_text(table, 1, addresses);
	}
	print_text_table(table, 2);
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

int run_group_show(const struct invocation *invocation)
{
	return show_reply(invocation, "group-show",
			  json_pack("{s:s}", "name", invocation->arguments[0]), false, print_group);
}
