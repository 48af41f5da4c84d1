/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg policy list
 */
#include "hostd/base/cleanup.h"
#include "hostd/ctl/ctl.h"
#include "hostd/ctl/text_table.h"

static void print_policies(const struct invocation *invocation, const json_t *reply)
{
	static const struct column columns[] = {
		{.name = "NAME"},
		{.name = "RULES", .right = true},
		{.name = "DOMAINS", .right = true},
		{.name = "DESCRIPTION"},
		{.name = "ERROR", .truncate = true},
	};
	_cleanup_(free_text_table) struct text_table *table =
		new_text_table(columns, ARRAY_SIZE(columns));
	json_t *policy;
	size_t i;

	json_array_foreach(json_object_get(reply, "policies"), i, policy)
	{
		add_line(table);
		set_text(table, 0, get_text(policy, "name"));
		set_number(table, 1, get_number(policy, "rules"));
		set_number(table, 2, get_number(policy, "domains"));
		set_text(table, 3, get_text(policy, "description"));
		set_text(table, 4, get_text(policy, "error"));
	}
	print_text_table(table, 0);
}

int run_policy_list(const struct invocation *invocation)
{
	return show_reply(invocation, "policy-list", NULL, false, print_policies);
}
