/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "policy-diff": what would change if a policy or set were applied. Nothing does.
 */
#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/change/effect.h"
#include "hostd/control/methods.h"
#include "hostd/control/views.h"
#include "hostd/policy/compare.h"

/* ---- what it says -----------------------------------------------------------------------------
 */

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
			 text_or_null(change->id), "before", text_or_null(change->before), "after",
			 text_or_null(change->after), "moved", change->moved, "line_before",
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
					 "kind", text_or_null(kind_of(&after)), "in_force",
					 text_or_null(kind_of(&before)), "file_error",
					 text_or_null(find_file_error(library, candidate->name)),
					 "changes", array));
	return r;
}

/* ---- what it does -----------------------------------------------------------------------------
 */

struct collection {
	json_t *ports, *refused, *sessions;
	json_int_t cut;
	json_int_t left; /* sessions that may still be listed */
};

static void collect_refused(const struct managed_domain *domain, const char *error, void *context)
{
	const struct collection *collection = context;

	json_array_append_new(collection->refused, json_pack("{s:s, s:s}", "domain",
							     domain->domain->name, "error", error));
}

static void collect_session(const struct port_effect *effect, const struct session_view *view,
			    uint32_t verdict, void *context)
{
	struct collection *collection = context;
	json_t *session;

	collection->cut++;
	if (collection->left == 0)
		return;
	collection->left--;
	session = view_session(effect->port, view);
	json_object_set_new(session, "domain", json_string(effect->domain->domain->name));
	json_object_set_new(session, "denied_by", view_deciding_rule(effect->plan, verdict));
	json_array_append_new(collection->sessions, session);
}

static void collect_port(const struct port_effect *effect, void *context)
{
	const struct collection *collection = context;

	json_array_append_new(collection->ports,
			      json_pack("{s:s, s:s, s:b, s:b, s:b, s:I, s:I}", "domain",
					effect->domain->domain->name, "device",
					effect->port->device, "rules", effect->changes.image,
					"settings",
					effect->changes.config || effect->changes.session_limit,
					"audit", !!(effect->plan->config.flags & PORT_AUDIT),
					"sessions", (json_int_t)effect->sessions, "denied",
					(json_int_t)effect->denied));
}

static void add_effect(json_t *result, struct enforcer *enforcer, struct candidate *candidate,
		       json_int_t limit)
{
	struct collection collection = {json_array(), json_array(), json_array(), 0, limit};
	const struct effect_visitor visitor = {collect_refused, collect_session, collect_port,
					       &collection};

	measure_effect(enforcer, candidate, &visitor);
	json_object_update_new(result,
			       json_pack("{s:o, s:o, s:I, s:o, s:b}", "ports", collection.ports,
					 "refused", collection.refused, "cut", collection.cut,
					 "sessions", collection.sessions, "truncated",
					 collection.cut > limit));
}

static json_t *view_diag_warnings(const struct diag *diag)
{
	json_t *warnings = json_array();

	for (size_t i = 0; i < diag->warning_count; i++)
		json_array_append_new(warnings, json_sprintf("%s: %s", diag->warnings[i].where,
							     diag->warnings[i].text));
	return warnings;
}

int answer_policy_diff(struct control_context *context, const json_t *params, json_t **ret_result,
		       struct diag *diag)
{
	const char *xml = need_string(params, "xml", diag);
	const char *source = json_string_value(json_object_get(params, "source"));
	_cleanup_(free_candidate) struct candidate *candidate = NULL;
	json_int_t limit = 0;
	json_t *result;
	int r = xml ? read_limit(params, &limit, diag) : -EINVAL;

	if (r < 0)
		return r;
	r = read_candidate(context->enforcer, xml, source ? source : "policy", &candidate, diag);
	if (r < 0)
		return r;
	result = json_pack("{s:o}", "warnings", view_diag_warnings(diag));
	r = add_changes(result, enforcer_library(context->enforcer), candidate);
	if (r < 0) {
		json_decref(result);
		return r;
	}
	add_effect(result, context->enforcer, candidate, limit);
	*ret_result = result;
	return 0;
}
