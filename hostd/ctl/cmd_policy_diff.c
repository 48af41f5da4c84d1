/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg policy diff FILE|-: what would change if it were applied.
 */
#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/ctl/command_line.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/policy_argument.h"
#include "hostd/ctl/reply.h"
#include "hostd/ctl/request.h"
#include "hostd/ctl/session_listing.h"
#include "hostd/ctl/text_table.h"

static void print_heading(const json_t *diff)
{
	const char *in_force = get_text(diff, "in_force"), *kind = get_text(diff, "kind");
	const char *error = get_text(diff, "file_error");

	printf("%s: %s", get_text(diff, "name"), kind);
	if (error[0])
		printf(", replaces a file with an error: %s\n", error);
	else if (!in_force[0])
		puts(", new");
	else if (strcmp(in_force, kind) != 0)
		printf(", in place of a %s\n", in_force);
	else if (json_array_size(json_object_get(diff, "changes")) == 0)
		puts(", no change");
	else
		putchar('\n');
}

/* Each line of an element with a sign before it. */
static void print_element(char sign, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		printf("%c %.*s\n", sign, (int)length, text);
		text += length + (text[length] == '\n');
	}
}

/* What only stands elsewhere is shown once. */
static void print_change(const json_t *change)
{
	if (strcmp(get_text(change, "change"), "moved") == 0) {
		print_element('>', get_text(change, "after"));
		return;
	}
	print_element('-', get_text(change, "before"));
	print_element(get_flag(change, "moved") ? '>' : '+', get_text(change, "after"));
}

static void print_refused(const json_t *refused)
{
	json_t *item;
	size_t i;

	json_array_foreach(refused, i, item)
		printf("%s keeps its old policy: %s\n", get_text(item, "domain"),
		       get_text(item, "error"));
}

static void show_changes(FILE *out, const json_t *port, const char *member)
{
	if (!get_flag(port, "settings"))
		fputs("rules", out);
	else
		fputs(get_flag(port, "rules") ? "rules and settings" : "settings", out);
}

static void show_cut(FILE *out, const json_t *port, const char *member)
{
	if (get_flag(port, "audit"))
		fputs("audit", out);
	else
		show_value(out, port, member);
}

static void print_ports(const json_t *ports)
{
	static const struct column columns[] = {
		{"DOMAIN", .member = "domain"},
		{"DEVICE", .member = "device"},
		{"CHANGES", .show = show_changes},
		{"SESSIONS", .member = "sessions", .right = true},
		{"CUT", .member = "denied", .show = show_cut, .right = true},
	};

	print_table(ports, columns, ARRAY_SIZE(columns), 0);
}

static void print_effect(const json_t *diff)
{
	const json_t *ports = json_object_get(diff, "ports");
	json_int_t cut = get_number(diff, "cut");

	print_refused(json_object_get(diff, "refused"));
	if (json_array_size(ports) == 0) {
		puts("no port of a running domain changes");
		return;
	}
	print_ports(ports);
	if (cut == 0) {
		puts("no session is cut");
		return;
	}
	printf("%" JSON_INTEGER_FORMAT " session%s cut:\n", cut, cut == 1 ? " is" : "s are");
	print_sessions(json_object_get(diff, "sessions"));
	if (get_flag(diff, "truncated"))
		fputs("vmseg: there are more sessions (see --limit)\n", stderr);
}

static void print_diff(const struct invocation *invocation, const json_t *diff)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(diff, "warnings"), i, item)
		fprintf(stderr, "vmseg: warning: %s\n", json_string_value(item));
	print_heading(diff);
	json_array_foreach(json_object_get(diff, "changes"), i, item) print_change(item);
	print_effect(diff);
}

static int run(const struct invocation *invocation)
{
	int status = add_policy_file(invocation->arguments[0], invocation->params);

	return status == STATUS_OK ? show_reply(invocation) : status;
}

static const struct command_argument arguments[] = {
	{"FILE|-", .values = VALUES_FILES},
	{0},
};

static const struct command_option options[] = {
	{"limit", .argument = "N", .maximum = 100000, .param = "limit",
	 .help = "list at most N sessions (default 1000)"},
	{0},
};

const struct command policy_diff_command = {
	.name = "policy diff",
	.help = "show what a file would change, and which sessions it would cut",
	.arguments = arguments,
	.options = options,
	.method = "policy-diff",
	.print = print_diff,
	.run = run,
};
