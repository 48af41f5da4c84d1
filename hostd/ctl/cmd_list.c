/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg list
 */
#include "hostd/base/cleanup.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/text_table.h"

static void print_domains(const struct invocation *invocation, const json_t *reply)
{
	static const struct column columns[] = {
		{"NAME", .member = "name"},
		{"STATE", .member = "state"},
		{"PORTS", .member = "port_count", .right = true},
		{"UNFILTERED", .member = "unfiltered", .show = show_count, .right = true},
		{"SESSIONS", .member = "sessions", .right = true},
		{"POLICIES", .member = "policies", .show = show_list},
		{"GROUPS", .member = "groups", .show = show_list},
		{"ERROR", .member = "error", .truncate = true},
	};

	print_table(json_object_get(reply, "domains"), columns, ARRAY_SIZE(columns), 0);
}

const struct command list_command = {
	.name = "list",
	.help = "list running domains and how each is filtered",
	.method = "list",
	.print = print_domains,
};
