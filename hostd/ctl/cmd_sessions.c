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

static void show_endpoint(FILE *out, const json_t *session, const char *member)
{
	const char *address = get_text(session, member);
	char port[32];

	snprintf(port, sizeof(port), "%s_port", member);
	fprintf(out,
		strchr(address, ':') ? "[%s]:%" JSON_INTEGER_FORMAT : "%s:%" JSON_INTEGER_FORMAT,
		address, get_number(session, port));
}

/* Who opened it; a question mark if that was concluded from the ports. */
static void show_opener(FILE *out, const json_t *session, const char *member)
{
	fprintf(out, "%s%s", get_text(session, member), get_flag(session, "picked_up") ? "?" : "");
}

/* The rule that allows it now; if none does, what happens to the session. */
static void show_rule(FILE *out, const json_t *session, const char *member)
{
	const char *standing = get_text(session, "standing");

	if (strcmp(standing, "kept") == 0 || strcmp(standing, "revoked") == 0)
		fprintf(out, "(%s)", standing);
	else
		show_value(out, session, member);
}

static void show_bytes(FILE *out, const json_t *session, const char *direction)
{
	show_size(out, json_object_get(session, direction), "bytes");
}

static void show_vlan(FILE *out, const json_t *session, const char *member)
{
	char text[VLAN_TEXT_BYTES];

	fputs(format_vlan(get_vlans(session), text), out);
}

void print_sessions(const json_t *sessions)
{
	static const struct column columns[] = {
		{"DEVICE", .member = "device"},
		{"PROTO", .member = "protocol"},
		{"LOCAL", .member = "local", .show = show_endpoint},
		{"REMOTE", .member = "remote", .show = show_endpoint},
		{"OPENED", .member = "opened", .show = show_opener},
		{"STATE", .member = "state"},
		{"AGE", .member = "age", .show = show_age, .right = true},
		{"EXPIRES", .member = "expires", .show = show_age, .right = true},
		{"IN", .member = "in", .show = show_bytes, .right = true},
		{"OUT", .member = "out", .show = show_bytes, .right = true},
		{"RULE", .member = "rule", .show = show_rule},
		{"VLAN", .member = "vlan", .show = show_vlan, .optional = true},
	};

	print_table(sessions, columns, ARRAY_SIZE(columns), 0);
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
