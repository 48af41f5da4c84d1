/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests about sessions. An answer has one page of them and says where the next begins: the
 * daemon has one thread, and a hook may be waiting.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "hostd/base/protocols.h"
#include "hostd/control/methods.h"
#include "hostd/control/views.h"
#include "hostd/datapath/queries/names.h"
#include "hostd/datapath/queries/session_query.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/plan/plan.h"
#include "hostd/enforce/plan/rule_notes.h"

#define PAGE_SESSIONS 1000

/* Which sessions are wanted. */
struct session_filter {
	bool by_vlan;
	uint32_t vlans;
};

struct collection {
	struct session_filter filter;
	const struct managed_port *port;
	json_t *sessions;
};

static json_t *view_traffic(const struct session *session, int direction)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)session->packets[direction], "bytes",
			 (json_int_t)session->bytes[direction]);
}

/* The rule by which the session goes on, as people know it; null: the default, or nothing does. */
static json_t *view_verdict(const struct port_plan *plan, uint32_t verdict)
{
	const struct rule_note *rule = plan ? find_rule_note(plan->rules, verdict) : NULL;

	if (!(verdict & VERDICT_ALLOW) || !rule)
		return json_null();
	return json_text(rule->id ? rule->id : rule->place);
}

/* What the present policy makes of it. */
static const char *name_standing(const struct session_view *view)
{
	if (view->verdict & VERDICT_ALLOW)
		return "allowed";
	return view->session.verdict & VERDICT_KEEP_ESTABLISHED ? "kept" : "revoked";
}

json_t *view_session(const struct managed_port *port, const struct session_view *view)
{
	const struct session_key *key = &view->key;
	const struct session *session = &view->session;
	char local[PREFIX_TEXT_BYTES], remote[PREFIX_TEXT_BYTES], number[PROTOCOL_TEXT_BYTES];

	format_address((const uint8_t *)key->local, local);
	format_address((const uint8_t *)key->remote, remote);
	return json_pack(
		"{s:o, s:I, s:I, s:s, s:s, s:I, s:s, s:I, s:s, s:s, s:b, s:I, s:I, s:I,"
		" s:I, s:o, s:s, s:o, s:o}",
		"device", json_text(port->device), "vlan", (json_int_t)OUTER_VLAN(key_vlans(key)),
		"inner_vlan", (json_int_t)INNER_VLAN(key_vlans(key)), "protocol",
		protocol_name(key->protocol, number), "local", local, "local_port",
		(json_int_t)ntohs(key->local_port), "remote", remote, "remote_port",
		(json_int_t)ntohs(key->remote_port), "opened",
		direction_name(session->flags & SESSION_OPENED_OUT ? DIRECTION_OUT : DIRECTION_IN),
		"state", state_name(session->state), "picked_up",
		!!(session->flags & SESSION_PICKED_UP), "age", (json_int_t)view->age_seconds,
		"idle", (json_int_t)view->idle_seconds, "expires",
		(json_int_t)view->expires_seconds, "generation", (json_int_t)session->generation,
		"rule", view_verdict(port->plan, view->verdict), "standing", name_standing(view),
		"in", view_traffic(session, DIRECTION_IN), "out",
		view_traffic(session, DIRECTION_OUT));
}

static void collect_session(const struct session_view *view, void *context)
{
	struct collection *collection = context;
	const struct session_filter *filter = &collection->filter;

	if (filter->by_vlan && key_vlans(&view->key) != filter->vlans)
		return;
	json_array_append_new(collection->sessions, view_session(collection->port, view));
}

/* The domain's port that a page begins in: its first one, or that of the cursor. */
static const struct managed_port *first_port(const struct managed_domain *domain,
					     const json_t *from)
{
	const char *device = json_string_value(json_object_get(from, "device"));

	for (size_t i = 0; i < domain->port_count; i++) {
		if (!device || strcmp(domain->ports[i].device, device) == 0)
			return &domain->ports[i];
	}
	return NULL;
}

/* Where the next page begins; null: there is none. */
static json_t *view_cursor(const struct managed_domain *domain, const struct managed_port *port,
			   uint32_t place)
{
	if (place == 0 && ++port == domain->ports + domain->port_count)
		return json_null();
	return json_pack("{s:o, s:I}", "device", json_text(port->device), "place",
			 (json_int_t)place);
}

static int read_filter(const json_t *params, struct session_filter *ret, struct diag *diag)
{
	ret->by_vlan = json_object_get(params, "vlan");
	return read_vlans(params, &ret->vlans, diag);
}

int answer_sessions(struct control_context *context, const json_t *params, json_t **ret_result,
		    struct diag *diag)
{
	const char *name = need_string(params, "domain", diag);
	const json_t *from = json_object_get(params, "from");
	uint32_t place = (uint32_t)json_integer_value(json_object_get(from, "place"));
	const struct managed_domain *domain;
	struct session_filter filter;
	struct collection collection;
	int r;

	if (!name)
		return -EINVAL;
	r = read_filter(params, &filter, diag);
	if (r < 0)
		return r;
	domain = find_domain(context->enforcer, name, diag);
	if (!domain)
		return -ENOENT;
	collection = (struct collection){filter, first_port(domain, from), json_array()};
	if (collection.port && collection.port->ifindex)
		r = page_sessions(enforcer_datapath(context->enforcer), collection.port->ifindex,
				  PAGE_SESSIONS, &place, collect_session, &collection);
	/* A port that is not filtered has no sessions. */
	if (r < 0 && r != -ENOENT) {
		json_decref(collection.sessions);
		return fail(diag, -r, NULL, 0, "cannot read the sessions of device %s: %s",
			    collection.port->device, strerror(-r));
	}
	*ret_result = json_pack("{s:s, s:o, s:o}", "domain", domain->domain->name, "sessions",
				collection.sessions, "next",
				collection.port ? view_cursor(domain, collection.port, place)
						: json_null());
	return *ret_result ? 0 : -ENOMEM;
}
