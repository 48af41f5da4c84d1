/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that change what the daemon does.
 */
#include <errno.h>

#include "hostd/control/methods.h"
#include "hostd/control/views.h"
#include "hostd/enforce/handlers/detach.h"
#include "hostd/enforce/handlers/reload.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

static void list_bad_file(const char *name, const struct policy *policy, const char *error,
			  void *context)
{
	if (error)
		json_array_append_new(context, json_text(error));
}

static void list_stale_domain(const struct managed_domain *domain, void *context)
{
	if (domain->error)
		json_array_append_new(context,
				      json_pack("{s:s, s:o}", "domain", domain->domain->name,
						"error", json_text(domain->error)));
}

int answer_reload(struct control_context *context, const json_t *params, json_t **ret_result,
		  struct diag *diag)
{
	struct reload_result result = {0};
	json_t *files, *domains;
	int r = context->reload(context->owner, &result, diag);

	if (r < 0)
		return r;
	files = json_array();
	domains = json_array();
	for_each_policy(enforcer_library(context->enforcer), list_bad_file, files);
	for_each_domain(context->enforcer, list_stale_domain, domains);
	*ret_result = json_pack("{s:I, s:I, s:o, s:o, s:o}", "updated", (json_int_t)result.updated,
				"failed", (json_int_t)result.failed, "bad_files", files,
				"stale_domains", domains, "warnings", view_diag_warnings(diag));
	return 0;
}

int answer_detach(struct control_context *context, const json_t *params, json_t **ret_result,
		  struct diag *diag)
{
	const char *name = need_string(params, "domain", diag);
	int r = name ? detach_domain(context->enforcer, name, diag) : -EINVAL;

	if (r == 0)
		*ret_result = json_object();
	return r;
}

int answer_detach_all(struct control_context *context, const json_t *params, json_t **ret_result,
		      struct diag *diag)
{
	detach_everything(context->enforcer);
	*ret_result = json_object();
	return 0;
}

int answer_attach(struct control_context *context, const json_t *params, json_t **ret_result,
		  struct diag *diag)
{
	const char *name = need_string(params, "domain", diag);
	int r = name ? attach_domain(context->enforcer, name, diag) : -EINVAL;

	if (r == 0)
		*ret_result = json_object();
	return r;
}
