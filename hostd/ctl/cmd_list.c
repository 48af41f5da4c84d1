/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg list
 */
#include "hostd/base/cleanup.h"
#include "hostd/ctl/ctl.h"
#include "hostd/ctl/text_table.h"

static void print_domains(const struct invocation *invocation, const json_t *reply)
{
	static const struct column columns[] = {
		{.name = "NAME"},
		{.name = "STATE"},
		{.name = "PORTS", .right = true},
		{.name = "UNFILTERED", .right = true},
		{.name = "SESSIONS", .right = true},
		{.name = "POLICIES"},
		{.name = "GROUPS"},
		{.name = "ERROR", .truncate = true},
	};
	_cleanup_(free_text_table) struct text_table *table =
		new_text_table(columns, ARRAY_SIZE(columns));
	json_t *domain;
	size_t i;

	json_array_foreach(json_object_get(reply, "domains"), i, domain)
	{
		_cleanup_free_ char *policies =
			join_texts(json_object_get(domain, "policies"), "-");
		_cleanup_free_ char *groups = join_texts(json_object_get(domain, "groups"), "-");

		add_line(table);
		set_text(table, 0, get_text(domain, "name"));
		set_text(table, 1, get_text(domain, "state"));
		set_number(table, 2, get_number(domain, "port_count"));
		set_number(table, 3,
			   (json_int_t)json_array_size(json_object_get(domain, "unfiltered")));
		set_number(table, 4, get_number(domain, "sessions"));
		set_text(table, 5, policies);
		set_text(table, 6, groups);
		set_text(table, 7, get_text(domain, "error"));
	}
	print_text_table(table, 0);
}

int run_list(const struct invocation *invocation)
{
	return show_reply(invocation, "list", NULL, false, print_domains);
}
