/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests about sessions. The number that one request may ask for is bounded: the daemon has one
 * thread, and a hook may be waiting.
 */
#include <arpa/inet.h>
#include <errno.h>

#include "hostd/base/protocols.h"
#include "hostd/control/methods.h"
#include "hostd/control/views.h"

#define SESSIONS_DEFAULT     1000
#define SESSIONS_AT_ONCE_MAX 100000

struct collection {
	const struct managed_port *port;
	json_t *sessions;
	json_int_t left;
	bool truncated;
};

static json_t *view_traffic(const struct session *session, int direction)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)session->packets[direction], "bytes",
			 (json_int_t)session->bytes[direction]);
}

/* The rule that admitted the session, as people know it; null: the default did. */
static json_t *view_verdict(const struct port_plan *plan, uint32_t verdict)
{
	uint32_t number = verdict & VERDICT_RULE_MASK;

	if (!plan || number == 0 || number > plan->rule_count)
		return json_null();
	return text_or_null(plan->rules[number - 1].id ? plan->rules[number - 1].id
						       : plan->rules[number - 1].place);
}

json_t *view_session(const struct managed_port *port, const struct session_view *view)
{
	const struct session_key *key = &view->key;
	const struct session *session = &view->session;
	char local[PREFIX_TEXT_BYTES], remote[PREFIX_TEXT_BYTES], number[PROTOCOL_TEXT_BYTES];

	format_address((const uint8_t *)key->local, local);
	format_address((const uint8_t *)key->remote, remote);
	return json_pack(
		"{s:s, s:s, s:s, s:I, s:s, s:I, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:o,"
		" s:o, s:o}",
		"device", port->device, "protocol", protocol_name(key->protocol, number), "local",
		local, "local_port", (json_int_t)ntohs(key->local_port), "remote", remote,
		"remote_port", (json_int_t)ntohs(key->remote_port), "opened",
		direction_name(session->flags & SESSION_OPENED_OUT ? DIRECTION_OUT : DIRECTION_IN),
		"state", state_name(session->state), "picked_up",
		!!(session->flags & SESSION_PICKED_UP), "age", (json_int_t)view->age_seconds,
		"idle", (json_int_t)view->idle_seconds, "expires",
		(json_int_t)view->expires_seconds, "generation", (json_int_t)session->generation,
		"rule", view_verdict(port->plan, session->verdict), "in",
		view_traffic(session, DIRECTION_IN), "out", view_traffic(session, DIRECTION_OUT));
}

static bool collect_session(const struct session_view *view, void *context)
{
	struct collection *collection = context;

	if (collection->left == 0) {
		collection->truncated = true;
		return false;
	}
	collection->left--;
	json_array_append_new(collection->sessions, view_session(collection->port, view));
	return true;
}

int read_limit(const json_t *params, json_int_t *ret, struct diag *diag)
{
	const json_t *limit = json_object_get(params, "limit");
	json_int_t value = limit ? json_integer_value(limit) : SESSIONS_DEFAULT;

	if (value < 1 || value > SESSIONS_AT_ONCE_MAX)
		return fail(diag, EINVAL, NULL, 0, "limit: expected a number from 1 to %d",
			    SESSIONS_AT_ONCE_MAX);
	*ret = value;
	return 0;
}

int answer_sessions(struct control_context *context, const json_t *params, json_t **ret_result,
		    struct diag *diag)
{
	const char *name = need_string(params, "domain", diag);
	struct collection collection = {0};
	const struct managed_domain *domain;
	int r = read_limit(params, &collection.left, diag);

	if (!name || r < 0)
		return -EINVAL;
	domain = find_domain(context->enforcer, name);
	if (!domain)
		return fail(diag, ENOENT, NULL, 0, "no running domain is named \"%s\"", name);
	collection.sessions = json_array();
	for (size_t i = 0; i < domain->port_count; i++) {
		collection.port = &domain->ports[i];
		if (collection.port->ifindex)
			walk_sessions(enforcer_datapath(context->enforcer),
				      collection.port->ifindex, collect_session, &collection);
	}
	*ret_result = json_pack("{s:s, s:o, s:b}", "domain", domain->domain->name, "sessions",
				collection.sessions, "truncated", collection.truncated);
	return *ret_result ? 0 : -ENOMEM;
}
