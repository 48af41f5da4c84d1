/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "policy-diff": what would change if a policy or set were applied. Nothing does. Ports are planned
 * at once; their sessions, of which there may be many, are judged some at a time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/change/effect.h"
#include "hostd/control/methods.h"
#include "hostd/control/views.h"
#include "hostd/datapath/queries/session_query.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/policy/write/compare.h"

/* ---- what it says --------------------------------------------------------------------------- */

static struct policy_or_set look_up(const struct library *library, const char *name)
{
	_cleanup_(clear_diag) struct diag unused = {0};
	struct policy_or_set found = {.set = find_address_set(library, name, &unused)};

	if (!found.set)
		found.policy = find_policy(library, name, &unused);
	return found;
}

static const char *kind_of(const struct policy_or_set *item)
{
	if (item->policy)
		return "policy";
	return item->set ? "set" : NULL;
}

static json_t *line_or_null(int line)
{
	return line ? json_integer(line) : json_null();
}

static json_t *view_change(const struct change *change)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:b, s:o, s:o}", "change",
			 change_names[change->kind], "what", change->what, "id",
			 json_text(change->id), "before", json_text(change->before), "after",
			 json_text(change->after), "moved", change->moved, "line_before",
			 line_or_null(change->line_before), "line_after",
			 line_or_null(change->line_after));
}

static int add_changes(json_t *result, const struct library *library,
		       const struct candidate *candidate)
{
	const struct policy_or_set before = look_up(library, candidate->name);
	const struct policy_or_set after = look_up(candidate->library, candidate->name);
	_cleanup_(free_changes) struct changes changes = {0};
	json_t *array = json_array();
	int r = compare_policies(&before, &after, &changes);

	for (size_t i = 0; i < changes.count; i++)
		json_array_append_new(array, view_change(&changes.items[i]));
	json_object_update_new(result,
			       json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", candidate->name,
					 "kind", json_text(kind_of(&after)), "in_force",
					 json_text(kind_of(&before)), "file_error",
					 json_text(find_file_error(library, candidate->name)),
					 "changes", array));
	return r;
}

/* ---- what it does --------------------------------------------------------------------------- */

#define SESSIONS_A_PIECE    1000
#define SESSIONS_LISTED     1000
#define SESSIONS_LISTED_MAX 100000

struct diff_task {
	struct task task; /* first */
	struct enforcer *enforcer;
	struct effect *effect;
	json_t *result;   /* so far */
	json_t *sessions; /* those that would be cut, up to `limit` */
	json_int_t cut, limit;
};

static void collect_session(const struct port_effect *effect, const struct managed_port *port,
			    const struct session_view *view, uint32_t verdict, void *context)
{
	struct diff_task *diff = context;
	json_t *session;

	if (diff->cut++ >= diff->limit)
		return;
	session = view_session(port, view);
	json_object_set_new(session, "domain", json_string(effect->domain));
	json_object_set_new(session, "denied_by", view_deciding_rule(effect->plan, verdict));
	json_array_append_new(diff->sessions, session);
}

static json_t *view_port_effects(const struct effect *effect)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < effect->port_count; i++) {
		const struct port_effect *port = &effect->ports[i];

		json_array_append_new(ports,
				      json_pack("{s:s, s:o, s:b, s:b, s:b, s:I, s:I}", "domain",
						port->domain, "device", json_text(port->device),
						"rules", port->changes.image, "settings",
						port->changes.config || port->changes.session_limit,
						"audit", !!(port->plan->config.flags & PORT_AUDIT),
						"sessions", (json_int_t)port->sessions, "denied",
						(json_int_t)port->denied));
	}
	return ports;
}

static json_t *view_refused(const struct effect *effect)
{
	json_t *refused = json_array();

	for (size_t i = 0; i < effect->domain_count; i++) {
		const struct domain_effect *domain = &effect->domains[i];

		if (domain->error)
			json_array_append_new(refused,
					      json_pack("{s:s, s:s}", "domain", domain->name,
							"error", domain->error));
	}
	return refused;
}

static int work_on_diff(struct task *task, json_t **ret_result, struct diag *diag)
{
	struct diff_task *diff = (struct diff_task *)task;
	struct effect *effect = diff->effect;
	int r = judge_sessions(effect, diff->enforcer, SESSIONS_A_PIECE, collect_session, diff);

	if (r < 0)
		return fail(diag, -r, NULL, 0, "cannot read the sessions of device %s: %s",
			    effect->ports[effect->judged].device, strerror(-r));
	if (r > 0)
		return 0;
	json_object_update_new(diff->result,
			       json_pack("{s:o, s:o, s:I, s:O, s:b}", "ports",
					 view_port_effects(effect), "refused", view_refused(effect),
					 "cut", diff->cut, "sessions", diff->sessions, "truncated",
					 diff->cut > diff->limit));
	*ret_result = TAKE_PTR(diff->result);
	return 1;
}

static void free_diff(struct task *task)
{
	struct diff_task *diff = (struct diff_task *)task;

	free_effect(&diff->effect);
	json_decref(diff->result);
	json_decref(diff->sessions);
	free(diff);
}

/* How many sessions to list at most. */
static int read_limit(const json_t *params, json_int_t *ret, struct diag *diag)
{
	const json_t *limit = json_object_get(params, "limit");
	json_int_t value = limit ? json_integer_value(limit) : SESSIONS_LISTED;

	if (value < 1 || value > SESSIONS_LISTED_MAX)
		return fail(diag, EINVAL, NULL, 0, "limit: expected a number from 1 to %d",
			    SESSIONS_LISTED_MAX);
	*ret = value;
	return 0;
}

int begin_policy_diff(struct control_context *context, const json_t *params, struct task **ret_task,
		      struct diag *diag)
{
	const char *xml = need_string(params, "xml", diag);
	const char *source = json_string_value(json_object_get(params, "source"));
	_cleanup_(free_candidate) struct candidate *candidate = NULL;
	struct diff_task *diff;
	json_int_t limit = 0;
	int r = xml ? read_limit(params, &limit, diag) : -EINVAL;

	if (r < 0)
		return r;
	r = read_candidate(context->enforcer, xml, source ? source : "policy", &candidate, diag);
	if (r < 0)
		return r;
	diff = calloc(1, sizeof(*diff));
	if (!diff)
		return -ENOMEM;
	*diff = (struct diff_task){
		.task = {work_on_diff, free_diff},
		.enforcer = context->enforcer,
		.result = json_pack("{s:o}", "warnings", view_diag_warnings(diag)),
		.sessions = json_array(),
		.limit = limit,
	};
	r = add_changes(diff->result, enforcer_library(context->enforcer), candidate);
	if (r == 0)
		r = foresee_effect(context->enforcer, candidate, &diff->effect);
	if (r < 0)
		free_diff(&diff->task);
	else
		*ret_task = &diff->task;
	return r;
}
