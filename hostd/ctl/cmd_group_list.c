/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg group list
 */
#include "hostd/base/cleanup.h"
#include "hostd/ctl/ctl.h"
#include "hostd/ctl/text_table.h"

static void print_groups(const struct invocation *invocation, const json_t *reply)
{
	static const struct column columns[] = {
		{.name = "GROUP"},   {.name = "DOMAINS"},  {.name = "ADDRESSES"},
		{.name = "USED BY"}, {.name = "POLICIES"},
	};
	static const char *const members[] = {"domains", "addresses", "used_by", "policies"};
	_cleanup_(free_text_table) struct text_table *table =
		new_text_table(columns, ARRAY_SIZE(columns));
	json_t *group;
	size_t i;

	json_array_foreach(json_object_get(reply, "groups"), i, group)
	{
		add_line(table);
		set_text(table, 0, get_text(group, "name"));
		for (size_t j = 0; j < ARRAY_SIZE(members); j++) {
			_cleanup_free_ char *text =
				join_texts(json_object_get(group, members[j]), "-");

			set_text(table, j + 1, text);
		}
	}
	print_text_table(table, 0);
}

int run_group_list(const struct invocation *invocation)
{
	return show_reply(invocation, "group-list", NULL, false, print_groups);
}
