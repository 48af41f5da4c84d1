/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg group list
 */
#include "hostd/base/cleanup.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/text_table.h"

static void print_groups(const struct invocation *invocation, const json_t *reply)
{
	static const struct column columns[] = {
		{"GROUP", .member = "name"},
		{"DOMAINS", .member = "domains", .show = show_list},
		{"ADDRESSES", .member = "addresses", .show = show_list},
		{"USED BY", .member = "used_by", .show = show_list},
		{"POLICIES", .member = "policies", .show = show_list},
	};

	print_table(json_object_get(reply, "groups"), columns, ARRAY_SIZE(columns), 0);
}

const struct command group_list_command = {
	.name = "group list",
	.help = "list groups, who is in them, and whose rules name them",
	.method = "group-list",
	.print = print_groups,
};
