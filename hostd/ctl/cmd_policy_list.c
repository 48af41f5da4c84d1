/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg policy list
 */
#include "hostd/base/cleanup.h"
#include "hostd/ctl/commands.h"
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

const struct command policy_list_command = {
	.name = "policy list",
	.help = "list the policies of the policy directory and who uses them",
	.method = "policy-list",
	.print = print_policies,
};
