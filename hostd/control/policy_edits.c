/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that change the policy directory: a file is put there, replaced or taken away whole, for
 * good or until it is confirmed.
 */
#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/change/candidate.h"
#include "hostd/change/pending.h"
#include "hostd/change/policy_edit.h"
#include "hostd/control/methods.h"
#include "hostd/enforce/handlers/reload.h"

/* The name of what the text says, when it would hold. */
static int judge_text(const struct enforcer *enforcer, const char *xml, const char *source,
		      char **ret_name, struct diag *diag)
{
	_cleanup_(free_candidate) struct candidate *candidate = NULL;
	int r = read_candidate(enforcer, xml, source, &candidate, diag);

	if (r < 0)
		return r;
	*ret_name = strdup(candidate->name);
	return *ret_name ? 0 : -ENOMEM;
}

static json_t *view_edit(const char *name, const char *deed, const struct reload_result *result)
{
	return json_pack("{s:s, s:s, s:I, s:I}", "name", name, "deed", deed, "updated",
			 (json_int_t)result->updated, "failed", (json_int_t)result->failed);
}

/* params.confirm: seconds; 0: not given. */
static int read_confirm(const json_t *params, uint32_t *ret, struct diag *diag)
{
	const json_t *confirm = json_object_get(params, "confirm");
	json_int_t seconds = json_integer_value(confirm);

	if (confirm && (seconds < 1 || seconds > CONFIRM_SECONDS_MAX))
		return fail(diag, EINVAL, NULL, 0,
			    "confirm: expected a number of seconds from 1 to %d",
			    CONFIRM_SECONDS_MAX);
	*ret = (uint32_t)seconds;
	return 0;
}

int answer_policy_apply(struct control_context *context, const json_t *params, json_t **ret_result,
			struct diag *diag)
{
	const char *xml = need_string(params, "xml", diag);
	const char *source = json_string_value(json_object_get(params, "source"));
	_cleanup_free_ char *name = NULL;
	struct reload_result result = {0};
	bool is_new = false;
	uint32_t seconds = 0;
	int r = xml ? read_confirm(params, &seconds, diag) : -EINVAL;

	if (r == 0)
		r = judge_text(context->enforcer, xml, source ? source : "policy", &name, diag);
	if (r == 0)
		r = apply_policy(context->editor, name, xml, seconds, &is_new, &result, diag);
	if (r < 0)
		return r;
	*ret_result = view_edit(name, is_new ? "created" : "replaced", &result);
	if (seconds)
		json_object_set_new(*ret_result, "confirm_within", json_integer(seconds));
	return 0;
}

int answer_policy_delete(struct control_context *context, const json_t *params, json_t **ret_result,
			 struct diag *diag)
{
	const char *name = need_string(params, "name", diag);
	struct reload_result result = {0};
	int r;

	if (!name)
		return -EINVAL;
	/* A name, not a way out of the directory. */
	if (!is_name(name))
		return fail(diag, EINVAL, NULL, 0, "\"%s\" is not a policy's or set's name", name);
	r = delete_policy(context->editor, name, &result, diag);
	if (r < 0)
		return r;
	*ret_result = view_edit(name, "deleted", &result);
	return 0;
}

/* ---- pending changes ------------------------------------------------------------------------ */

static void list_name(const struct pending_change *change, void *context)
{
	json_array_append_new(context, json_string(change->name));
}

/* The one that params.name names, else all. */
static json_t *name_pending(struct policy_editor *editor, const json_t *params, struct diag *diag)
{
	json_t *names = json_array(), *name = json_object_get(params, "name");

	if (json_is_string(name))
		json_array_append(names, name);
	else
		for_each_pending(editor, list_name, names);
	if (json_array_size(names) == 0)
		fail(diag, ENOENT, NULL, 0, "nothing waits for confirmation");
	return names;
}

int answer_policy_confirm(struct control_context *context, const json_t *params,
			  json_t **ret_result, struct diag *diag)
{
	json_t *names = name_pending(context->editor, params, diag), *name;
	int r = json_array_size(names) == 0 ? -ENOENT : 0;
	size_t i;

	json_array_foreach(names, i, name)
	{
		if (r == 0)
			r = confirm_policy(context->editor, json_string_value(name), diag);
	}
	if (r == 0)
		*ret_result = json_pack("{s:O}", "confirmed", names);
	json_decref(names);
	return r;
}

int answer_policy_rollback(struct control_context *context, const json_t *params,
			   json_t **ret_result, struct diag *diag)
{
	json_t *names = name_pending(context->editor, params, diag), *name;
	int r = json_array_size(names) == 0 ? -ENOENT : 0;
	struct reload_result result = {0};
	size_t i;

	json_array_foreach(names, i, name)
	{
		if (r == 0)
			r = roll_back_policy(context->editor, json_string_value(name), &result,
					     diag);
	}
	if (r == 0)
		*ret_result =
			json_pack("{s:O, s:I, s:I}", "rolled_back", names, "updated",
				  (json_int_t)result.updated, "failed", (json_int_t)result.failed);
	json_decref(names);
	return r;
}
