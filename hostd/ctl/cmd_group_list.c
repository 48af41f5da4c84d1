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
		{"GROUP", .member = "name"},
		{"DOMAINS", .member = "domains", .show = show_list},
		{"ADDRESSES", .member = "addresses", .show = show_list},
		{"USED BY", .member = "used_by", .show = show_list},
		{"POLICIES", .member = "policies", .show = show_list},
	};

	print_table(json_object_get(reply, "groups"), columns, ARRAY_SIZE(columns), 0);
}

int run_group_list(const struct invocation *invocation)
{
	return show_reply(invocation, "group-list", NULL, false, print_groups);
}
