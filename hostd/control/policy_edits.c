/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that change the policy directory: a file is put there, replaced or taken away whole, and
 * then everything is as after a reload.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/base/replace_file.h"
#include "hostd/control/methods.h"
#include "hostd/enforce/candidate.h"

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

static char *policy_path(const struct config *config, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s.xml", config->policy_directory, name) < 0)
		return NULL;
	return path;
}

static int reload_after(struct control_context *context, const char *name, const char *deed,
			json_t **ret_result, struct diag *diag)
{
	struct reload_result result = {0};
	int r = context->reload(context->owner, &result, diag);

	if (r < 0)
		return r;
	log_notice(NULL, "policy file %s.xml %s", name, deed);
	*ret_result = json_pack("{s:s, s:s, s:I, s:I}", "name", name, "deed", deed, "updated",
				(json_int_t)result.updated, "failed", (json_int_t)result.failed);
	return *ret_result ? 0 : -ENOMEM;
}

int answer_policy_apply(struct control_context *context, const json_t *params, json_t **ret_result,
			struct diag *diag)
{
	const char *xml = need_string(params, "xml", diag);
	const char *source = json_string_value(json_object_get(params, "source"));
	const struct config *config = enforcer_config(context->enforcer);
	_cleanup_free_ char *name = NULL, *path = NULL;
	bool is_new;
	int r;

	if (!xml)
		return -EINVAL;
	r = judge_text(context->enforcer, xml, source ? source : "policy", &name, diag);
	if (r < 0)
		return r;
	path = policy_path(config, name);
	if (!path)
		return -ENOMEM;
	is_new = access(path, F_OK) < 0;
	r = replace_file(path, xml);
	if (r < 0)
		return fail(diag, -r, path, 0, "cannot be written: %s", strerror(-r));
	return reload_after(context, name, is_new ? "created" : "replaced", ret_result, diag);
}

/* ---- taking away ------------------------------------------------------------------------------
 */

/* Who would miss it. */
struct user_search {
	const char *name;
	const char *kind; /* "domain" or "policy"; NULL: nobody yet */
	const char *user;
};

static bool lists_policy(const struct policy_item *items, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (items[i].ref && strcmp(items[i].ref, name) == 0)
			return true;
	}
	return false;
}

static void search_domain(const struct managed_domain *domain, void *context)
{
	const struct domain_policy *policy = domain->policy;
	struct user_search *search = context;
	bool found;

	if (!policy || search->kind)
		return;
	found = lists_policy(policy->policies, policy->policy_count, search->name);
	for (size_t i = 0; i < policy->interface_count; i++)
		found = found || lists_policy(policy->interfaces[i].policies,
					      policy->interfaces[i].policy_count, search->name);
	if (found) {
		search->kind = "domain";
		search->user = domain->domain->name;
	}
}

static bool names_set(const struct rule *rule, const char *name)
{
	for (size_t i = 0; i < rule->remote_count; i++) {
		if (rule->remotes[i].kind == REMOTE_SET && strcmp(rule->remotes[i].name, name) == 0)
			return true;
	}
	return false;
}

static void search_policy(const char *name, const struct policy *policy, const char *error,
			  void *context)
{
	struct user_search *search = context;

	for (size_t i = 0; policy && !search->kind && i < policy->rule_count; i++) {
		if (names_set(&policy->rules[i], search->name)) {
			search->kind = "policy";
			search->user = name;
		}
	}
}

static int refuse_in_use(struct enforcer *enforcer, const char *name, struct diag *diag)
{
	const struct config *config = enforcer_config(enforcer);
	struct user_search search = {.name = name};

	if ((config->mandatory_policy && strcmp(config->mandatory_policy, name) == 0) ||
	    (config->unmanaged_policy && strcmp(config->unmanaged_policy, name) == 0))
		return fail(diag, EBUSY, NULL, 0, "%s is in use: the settings name it", name);
	for_each_domain(enforcer, search_domain, &search);
	for_each_policy(enforcer_library(enforcer), search_policy, &search);
	if (search.kind)
		return fail(diag, EBUSY, NULL, 0, "%s is in use: %s %s names it", name, search.kind,
			    search.user);
	return 0;
}

int answer_policy_delete(struct control_context *context, const json_t *params, json_t **ret_result,
			 struct diag *diag)
{
	const char *name = need_string(params, "name", diag);
	_cleanup_free_ char *path = NULL;
	int r;

	if (!name)
		return -EINVAL;
	/* A name, not a way out of the directory. */
	if (!is_name(name))
		return fail(diag, EINVAL, NULL, 0, "\"%s\" is not a policy's or set's name", name);
	r = refuse_in_use(context->enforcer, name, diag);
	if (r < 0)
		return r;
	path = policy_path(enforcer_config(context->enforcer), name);
	if (!path)
		return -ENOMEM;
	if (unlink(path) < 0)
		return fail(diag, errno, path, 0, "%s", strerror(errno));
	return reload_after(context, name, "deleted", ret_result, diag);
}
