/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains that change because something around them did: a group's members, the policy directory,
 * the end of a migration.
 */
#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/enforce/state.h"

int replan_domain(struct enforcer *enforcer, struct managed_domain *managed,
		  struct library_share *library, struct diag *diag)
{
	struct plan_inputs inputs = plan_inputs(enforcer, library);
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	struct library_share *before = managed->library;
	int r = plan_domain(&inputs, managed->domain, managed->policy, &plan, diag);

	if (r < 0)
		return r;
	managed->library = share_library(library);
	release_library(&before);
	apply_plan(enforcer, managed, plan);
	return 0;
}

static bool mentions_changed(const struct managed_domain *managed, const struct groups *before,
			     const struct groups *after)
{
	for (size_t i = 0; i < managed->port_count; i++) {
		const struct port_plan *plan = managed->ports[i].plan;

		for (size_t j = 0; plan && j < plan->group_count; j++) {
			if (group_differs(before, after, plan->groups[j]))
				return true;
		}
	}
	return false;
}

static void update_members(struct enforcer *enforcer, struct managed_domain *managed)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	char text[1024];

	if (replan_domain(enforcer, managed, managed->library, &diag) == 0)
		return;
	set_error(&managed->error, diag_message(&diag, text, sizeof(text)));
	log_error(managed->domain->name, "its groups have changed, its rules could not: %s",
		  managed->error);
}

void refresh_groups(struct enforcer *enforcer)
{
	_cleanup_(free_groups) struct groups *before = enforcer->groups;
	struct groups *after = NULL;

	if (build_groups(enforcer->domains, &after) < 0) {
		log_error(NULL, "groups keep their members: out of memory");
		before = NULL;
		return;
	}
	enforcer->groups = after;
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (mentions_changed(m, before, after))
			update_members(enforcer, m);
	}
}

void resume_domain(struct enforcer *enforcer, const char *uuid)
{
	struct managed_domain *managed = find_managed(enforcer, uuid);
	_cleanup_(clear_diag) struct diag diag = {0};
	char text[1024];

	if (!managed || !managed->arrived)
		return;
	managed->arrived = false;
	managed->pickup_until = monotonic_usec() + enforcer->config->pickup_window * USEC_PER_SEC;
	if (replan_domain(enforcer, managed, managed->library, &diag) < 0)
		log_error(managed->domain->name, "pick-up after its arrival is not on: %s",
			  diag_message(&diag, text, sizeof(text)));
}

/* One domain under the new settings and library. */
static int reload_domain(struct enforcer *enforcer, struct managed_domain *managed,
			 struct diag *diag)
{
	_cleanup_(free_domain_policy) struct domain_policy *policy = NULL, *before = NULL;
	int r = read_domain_policy(enforcer->config, managed->domain, &policy, diag);

	if (r < 0)
		return r;
	if (!policy) {
		detach_ports(enforcer, managed);
		free_domain_policy(&managed->policy);
		return 0;
	}
	before = managed->policy;
	managed->policy = TAKE_PTR(policy);
	r = replan_domain(enforcer, managed, enforcer->library, diag);
	if (r < 0) {
		policy = managed->policy;
		managed->policy = TAKE_PTR(before);
	}
	return r;
}

static void reload_and_count(struct enforcer *enforcer, struct managed_domain *managed,
			     struct reload_result *result)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	char text[1024];

	if (managed->detached)
		return;
	if (reload_domain(enforcer, managed, &diag) == 0) {
		result->updated += managed->policy != NULL;
		set_error(&managed->error, NULL);
		if (managed->policy)
			save_domain(enforcer, managed);
		else
			remove_saved_domain(enforcer, managed->domain->uuid);
		return;
	}
	result->failed++;
	set_error(&managed->error, diag_message(&diag, text, sizeof(text)));
	log_error(managed->domain->name, "keeps its old policy: %s", managed->error);
}

int reload_enforcer(struct enforcer *enforcer, const struct config *config,
		    struct reload_result *ret, struct diag *diag)
{
	struct library_share *share = calloc(1, sizeof(*share));
	struct reload_result result = {0};
	int r;

	if (!share)
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	r = load_library(config->policy_directory, &share->library, diag);
	if (r < 0) {
		free(share);
		return r;
	}
	share->users = 1;
	release_library(&enforcer->library);
	enforcer->library = share;
	enforcer->config = config;
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next)
		reload_and_count(enforcer, m, &result);
	refresh_groups(enforcer);
	result.bad_files = count_bad_files(share->library);
	*ret = result;
	return 0;
}
