/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg sessions DOMAIN
 */
#include <stdio.h>

#include "hostd/ctl/command_line.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/output.h"
#include "hostd/ctl/reply.h"
#include "hostd/ctl/request.h"
#include "hostd/ctl/session_listing.h"

#define LIMIT_DEFAULT 1000
#define LIMIT_MAX     100000

/* Asks for pages until there are more than `limit` sessions, or no more. */
static json_t *collect_sessions(const struct invocation *invocation, size_t limit)
{
	json_t *params = invocation->params, *sessions = json_array(), *reply;

	for (;;) {
		const json_t *next;

		reply = ask_daemon(invocation, "sessions", json_incref(params));
		if (!reply)
			break;
		json_array_extend(sessions, json_object_get(reply, "sessions"));
		next = json_object_get(reply, "next");
		if (!json_is_object(next) || json_array_size(sessions) > limit)
			break;
		json_object_set_new(params, "from", json_deep_copy(next));
		json_decref(reply);
	}
	if (reply) {
		json_object_del(reply, "next");
		json_object_set_new(reply, "truncated",
				    json_boolean(json_array_size(sessions) > limit));
		while (json_array_size(sessions) > limit)
			json_array_remove(sessions, json_array_size(sessions) - 1);
		json_object_set(reply, "sessions", sessions);
	}
	json_decref(sessions);
	return reply;
}

static int run(const struct invocation *invocation)
{
	json_t *reply = collect_sessions(invocation,
					 (size_t)given_number(invocation, "limit", LIMIT_DEFAULT));
	int result = STATUS_OK;

	if (!reply)
		return STATUS_FAILED;
	if (is_given(invocation, "json")) {
		result = print_json(reply);
	} else {
		escape_texts(reply);
		print_sessions(json_object_get(reply, "sessions"));
		if (get_flag(reply, "truncated"))
			fputs("vmseg: there are more sessions (see --limit)\n", stderr);
	}
	json_decref(reply);
	return result;
}

static const struct command_argument arguments[] = {
	{"DOMAIN", .param = "domain", .values = VALUES_DOMAINS},
	{0},
};

static const struct command_option options[] = {
	{"limit", .argument = "N", .maximum = LIMIT_MAX,
	 .help = "list at most N sessions (default 1000)"},
	{"vlan", .argument = "ID[.ID]", .param = "vlan",
	 .help = "list only the sessions in this VLAN; 0: in no VLAN"},
	{0},
};

const struct command sessions_command = {
	.name = "sessions",
	.help = "list a domain's open sessions",
	.arguments = arguments,
	.options = options,
	.run = run,
};
