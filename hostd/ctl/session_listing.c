/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/ctl/session_listing.h"

#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/vlan.h"
#include "hostd/ctl/reply.h"
#include "hostd/ctl/text_table.h"

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
