/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg sessions DOMAIN
 */
#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/vlan.h"
#include "hostd/ctl/ctl.h"
#include "hostd/ctl/text_table.h"

#define LIMIT_DEFAULT 1000
#define LIMIT_MAX     100000

static void set_endpoint(struct text_table *table, size_t column, const char *address,
			 json_int_t port)
{
	char text[96];

	snprintf(text, sizeof(text), strchr(address, ':') ? "[%s]:%d" : "%s:%d", address,
		 (int)port);
	set_text(table, column, text);
}

/* The rule of now; of a session that has none for it, what becomes of it. */
static const char *rule_name(const json_t *session)
{
	const char *standing = get_text(session, "standing");

	if (strcmp(standing, "kept") == 0)
		return "(kept)";
	return strcmp(standing, "revoked") == 0 ? "(revoked)" : get_text(session, "rule");
}

static bool is_any_in_vlan(const json_t *sessions)
{
	const json_t *session;
	size_t i;

	json_array_foreach(sessions, i, session)
	{
		if (get_vlans(session))
			return true;
	}
	return false;
}

/* By whom; of one that was taken over in the middle that follows from its ports. */
static const char *opened_text(const json_t *session)
{
	bool in = strcmp(get_text(session, "opened"), "in") == 0;

	if (!get_flag(session, "picked_up"))
		return in ? "in" : "out";
	return in ? "in?" : "out?";
}

void print_sessions(const json_t *sessions)
{
	static const struct column columns[] = {
		{.name = "DEVICE"},
		{.name = "PROTO"},
		{.name = "LOCAL"},
		{.name = "REMOTE"},
		{.name = "OPENED"},
		{.name = "STATE"},
		{.name = "AGE", .right = true},
		{.name = "EXPIRES", .right = true},
		{.name = "IN", .right = true},
		{.name = "OUT", .right = true},
		{.name = "RULE"},
		{.name = "VLAN"}, /* only where there is one */
	};
	bool vlans = is_any_in_vlan(sessions);
	_cleanup_(free_text_table) struct text_table *table =
		new_text_table(columns, ARRAY_SIZE(columns) - !vlans);
	char vlan[VLAN_TEXT_BYTES];
	json_t *session;
	size_t i;

	json_array_foreach(sessions, i, session)
	{
		add_line(table);
		set_text(table, 0, get_text(session, "device"));
		set_text(table, 1, get_text(session, "protocol"));
		set_endpoint(table, 2, get_text(session, "local"),
			     get_number(session, "local_port"));
		set_endpoint(table, 3, get_text(session, "remote"),
			     get_number(session, "remote_port"));
		set_text(table, 4, opened_text(session));
		set_text(table, 5, get_text(session, "state"));
		set_age(table, 6, (uint64_t)get_number(session, "age"));
		set_age(table, 7, (uint64_t)get_number(session, "expires"));
		set_size(table, 8, (uint64_t)get_number(json_object_get(session, "in"), "bytes"));
		set_size(table, 9, (uint64_t)get_number(json_object_get(session, "out"), "bytes"));
		set_text(table, 10, rule_name(session));
		if (vlans)
			set_text(table, 11, format_vlan(get_vlans(session), vlan));
	}
	print_text_table(table, 0);
}

/* Asks for pages until there are more than `limit` sessions, or no more. */
static json_t *collect_sessions(const struct invocation *invocation, size_t limit)
{
	json_t *params = json_pack("{s:s, s:s*}", "domain", invocation->arguments[0], "vlan",
				   invocation->vlan);
	json_t *sessions = json_array(), *reply;

	for (;;) {
		const json_t *next;

		reply = ask_daemon(invocation, "sessions", json_incref(params), false);
		if (!reply)
			break;
		json_array_extend(sessions, json_object_get(reply, "sessions"));
		next = json_object_get(reply, "next");
		if (!json_is_object(next) || json_array_size(sessions) > limit)
			break;
		json_object_set_new(params, "from", json_deep_copy(next));
		json_decref(reply);
	}
	json_decref(params);
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

int run_sessions(const struct invocation *invocation)
{
	size_t limit = invocation->limit ? (size_t)invocation->limit : LIMIT_DEFAULT;
	int result = STATUS_OK;
	json_t *reply;

	if (limit > LIMIT_MAX) {
		fprintf(stderr, "vmseg: --limit: expected a number from 1 to %d\n", LIMIT_MAX);
		return STATUS_FAILED;
	}
	reply = collect_sessions(invocation, limit);
	if (!reply)
		return STATUS_FAILED;
	if (invocation->json) {
		result = print_json(reply);
	} else {
		escape_texts(reply);
		print_sessions(json_object_get(reply, "sessions"));
		if (get_flag(reply, "truncated"))
			fputs("vmseg: there are more (see --limit)\n", stderr);
	}
	json_decref(reply);
	return result;
}
