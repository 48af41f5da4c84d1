/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg show DOMAIN
 */
#include <stdio.h>

#include "hostd/base/cleanup.h"
#include "hostd/ctl/command_line.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/reply.h"
#include "hostd/ctl/text_table.h"

static void print_texts(const char *name, const json_t *array, const char *none)
{
	_cleanup_free_ char *text = join_texts(array, none);

	printf("  %-12s %s\n", name, text ? text : "");
}

/* "session-rate 500, half-open 512": what is 0 is unlimited and left out. */
static void print_limits(const json_t *port)
{
	json_t *limits = json_object_get(port, "limits"), *value;
	const char *name;

	printf("  %-12s %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT "\n", "sessions",
	       get_number(port, "sessions"), get_number(port, "session_limit"));
	printf("  %-12s ", "limits");
	json_object_foreach(limits, name, value)
	{
		if (json_integer_value(value))
			printf("%s %" JSON_INTEGER_FORMAT "  ", name, json_integer_value(value));
	}
	putchar('\n');
}

/* "mac on  dhcp-server off": as in <guards>. */
static void print_guards(const json_t *guards)
{
	const char *name;
	json_t *word;

	printf("  %-12s ", "guards");
	json_object_foreach((json_t *)guards, name, word)
		printf("%s %s  ", name, json_is_string(word) ? json_string_value(word) : "?");
	putchar('\n');
}

static void print_counters(const json_t *counters)
{
	static const struct column columns[] = {
		{"DIRECTION", .member = "direction"},
		{"VERDICT", .member = "verdict"},
		{"REASON", .member = "reason"},
		{"PACKETS", .member = "packets", .right = true},
		{"BYTES", .member = "bytes", .show = show_size, .right = true},
	};

	print_table(counters, columns, ARRAY_SIZE(columns), 2);
}

/* The rules, and the default as the last row. */
static void print_rules(const json_t *port)
{
	static const struct column columns[] = {
		{"RULE", .member = "number", .right = true},
		{"POLICY", .member = "policy"},
		{"ID", .member = "id"},
		{"DIRECTION", .member = "direction"},
		{"ACTION", .member = "action"},
		{"PACKETS", .member = "packets", .right = true},
		{"BYTES", .member = "bytes", .show = show_size, .right = true},
		{"PLACE", .member = "place"},
	};
	const json_t *hits = json_object_get(json_object_get(port, "default"), "hits");
	json_t *rows = json_copy(json_object_get(port, "rules"));
	json_t *last = json_pack("{s:s, s:I, s:I}", "number", "default", "packets",
				 get_number(hits, "packets"), "bytes", get_number(hits, "bytes"));

	if (!rows)
		rows = json_array();
	json_array_append_new(rows, last);
	print_table(rows, columns, ARRAY_SIZE(columns), 2);
	json_decref(rows);
}

/* Both programs must be on the device: one direction unfiltered is worth a loud word. */
static void print_hooks(const json_t *port)
{
	const json_t *hooked = json_object_get(port, "hooked");

	if (!hooked)
		printf("  %-12s not attached\n", "PROBLEM");
	else if (!get_flag(hooked, "in") || !get_flag(hooked, "out"))
		printf("  %-12s the program is missing on:%s%s\n", "PROBLEM",
		       get_flag(hooked, "in") ? "" : " in", get_flag(hooked, "out") ? "" : " out");
}

static void print_port(const json_t *port, bool rules)
{
	const json_t *defaults = json_object_get(port, "default");

	printf("\n%s  %s  %s  slot %" JSON_INTEGER_FORMAT "  generation %" JSON_INTEGER_FORMAT
	       "  %s%s%s\n",
	       get_text(port, "device"), get_text(port, "mac"), get_text(port, "type"),
	       get_number(port, "slot"), get_number(port, "generation"), get_text(port, "attach"),
	       get_flag(port, "audit") ? "  audit" : "",
	       get_flag(port, "closed") ? "  closed" : "");
	print_hooks(port);
	if (get_text(port, "error")[0])
		printf("  %-12s %s\n", "PROBLEM", get_text(port, "error"));
	if (get_text(port, "hook_problem")[0])
		printf("  %-12s %s\n", "PROBLEM", get_text(port, "hook_problem"));
	if (defaults) {
		print_texts("policies", json_object_get(port, "policies"), "none");
		printf("  %-12s in %s, out %s\n", "default", get_text(defaults, "in"),
		       get_text(defaults, "out"));
		print_texts("addresses", json_object_get(port, "addresses"), "not known");
		print_guards(json_object_get(port, "guards"));
	}
	print_limits(port);
	if (get_number(port, "pickup_seconds"))
		printf("  %-12s %" JSON_INTEGER_FORMAT " s more\n", "pick-up",
		       get_number(port, "pickup_seconds"));
	print_counters(json_object_get(port, "counters"));
	if (rules)
		print_rules(port);
}

static void print_domain(const struct invocation *invocation, const json_t *domain)
{
	_cleanup_free_ char *groups = join_texts(json_object_get(domain, "groups"), "none");
	json_t *port, *warning, *nic;
	size_t i;

	printf("%s  %s  %s  %s\n", get_text(domain, "name"), get_text(domain, "state"),
	       get_text(domain, "driver"), get_text(domain, "uuid"));
	printf("  %-12s %s\n", "groups", groups ? groups : "");
	if (get_text(domain, "error")[0])
		printf("  %-12s %s\n", "PROBLEM", get_text(domain, "error"));
	json_array_foreach(json_object_get(domain, "warnings"), i, warning)
		printf("  %-12s %s\n", "WARNING", json_string_value(warning));
	json_array_foreach(json_object_get(domain, "unfiltered"), i, nic)
		printf("  %-12s %s %s\n", "UNFILTERED", get_text(nic, "name"),
		       get_text(nic, "reason"));
	json_array_foreach(json_object_get(domain, "ports"), i, port)
		print_port(port, is_given(invocation, "rules"));
}

static const struct command_argument arguments[] = {
	{"DOMAIN", .param = "domain", .values = VALUES_DOMAINS},
	{0},
};

static const struct command_option options[] = {
	{"rules", .help = "also print the rules and how often each has matched"},
	{0},
};

const struct command show_command = {
	.name = "show",
	.help = "show a domain's NICs: policies, guards, limits, counters",
	.arguments = arguments,
	.options = options,
	.method = "show",
	.print = print_domain,
};
