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
		{"NAME", .member = "name"},
		{"RULES", .member = "rules", .right = true},
		{"DOMAINS", .member = "domains", .right = true},
		{"DESCRIPTION", .member = "description"},
		{"ERROR", .member = "error", .truncate = true},
	};

	print_table(json_object_get(reply, "policies"), columns, ARRAY_SIZE(columns), 0);
}

int run_policy_list(const struct invocation *invocation)
{
	return show_reply(invocation, "policy-list", NULL, false, print_policies);
}
