/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains that change because something around them did: a group's members, the policy directory,
 * the end of a migration.
 */
#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/enforce/inventory/enforcer_state.h"

/* Domains that are brought to their groups' members in one go: more of them take turns with
 * requests. */
#define OUTDATED_AT_ONCE 32

/* Plans that wait to be applied together. */
struct replanning {
	struct planned *items;
	size_t count;
};

static int begin_replanning(struct enforcer *enforcer, struct replanning *ret)
{
	*ret = (struct replanning){0};
	ret->items = calloc(HASH_COUNT(enforcer->domains) + 1, sizeof(*ret->items));
	return ret->items ? 0 : -ENOMEM;
}

static void end_replanning(struct enforcer *enforcer, struct replanning *replanning)
{
	apply_plans(enforcer, replanning->items, replanning->count);
	for (size_t i = 0; i < replanning->count; i++) {
		free_domain_plan(&replanning->items[i].plan);
		save_domain(enforcer, replanning->items[i].managed);
	}
	free(replanning->items);
}

/* What is asked for now, to be applied with the others. False: that is to leave it alone. */
static bool add_replan(struct enforcer *enforcer, struct replanning *replanning,
		       struct managed_domain *managed)
{
	struct planned *item = &replanning->items[replanning->count];

	if (plan_wanted(enforcer, managed, &item->plan) < 0)
		return true;
	if (!item->plan)
		return false;
	item->managed = managed;
	if (!managed->detached) {
		replanning->count++;
		return true;
	}
	free_domain_plan(&item->plan);
	save_domain(enforcer, managed);
	return true;
}

/* Groups as they were and as they are. */
struct group_change {
	const struct groups *before, *after;
};

static bool mention_changed(const struct rule_notes *rules, void *context)
{
	const struct group_change *change = context;

	for (size_t i = 0; i < rules->group_count; i++) {
		if (group_differs(change->before, change->after, rules->groups[i]))
			return true;
	}
	return false;
}

static bool is_changed(const struct managed_domain *managed, struct group_change *change)
{
	for (size_t i = 0; i < managed->port_count; i++) {
		const struct port_plan *plan = managed->ports[i].plan;

		if (plan && mention_changed(plan->rules, change))
			return true;
	}
	return false;
}

/* Notes which domains have rules about groups that have changed. Returns how many wait now. */
static size_t mark_outdated(struct enforcer *enforcer, struct group_change *change)
{
	size_t count = 0;

	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (is_changed(m, change))
			m->outdated = true;
		count += m->outdated;
	}
	return count;
}

void refresh_groups(struct enforcer *enforcer)
{
	_cleanup_(free_groups) struct groups *before = NULL;
	struct groups *after = NULL;
	struct group_change change;

	if (build_groups(enforcer->domains, &after) < 0) {
		log_error(NULL, "groups keep their members: out of memory");
		return;
	}
	before = enforcer->groups;
	enforcer->groups = after;
	change = (struct group_change){before, after};
	drop_rules(&enforcer->rules, mention_changed, &change);
	if (mark_outdated(enforcer, &change) > OUTDATED_AT_ONCE)
		enforcer->chores.outdated = true;
	else
		renew_outdated(enforcer);
}

void renew_outdated(struct enforcer *enforcer)
{
	struct replanning replanning;
	size_t count = 0;

	if (begin_replanning(enforcer, &replanning) < 0)
		return;
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (!m->outdated || count == OUTDATED_AT_ONCE)
			continue;
		m->outdated = false;
		add_replan(enforcer, &replanning, m);
		count++;
	}
	enforcer->chores.outdated = count == OUTDATED_AT_ONCE;
	end_replanning(enforcer, &replanning);
}

void resume_domain(struct enforcer *enforcer, const char *uuid)
{
	struct managed_domain *managed = find_managed(enforcer, uuid);

	if (!managed || !managed->arrived)
		return;
	managed->arrived = false;
	open_pickup(enforcer, managed);
	enforce_wanted(enforcer, managed);
}

/* One domain under the new settings and library: planned, or left alone from here on. */
static void reload_domain(struct enforcer *enforcer, struct replanning *replanning,
			  struct managed_domain *managed, struct reload_result *result)
{
	if (!add_replan(enforcer, replanning, managed)) {
		leave_alone(enforcer, managed);
		return;
	}
	if (managed->error)
		result->failed++;
	else if (!managed->detached)
		result->updated++;
}

static void reload_domains(struct enforcer *enforcer, struct replanning *replanning,
			   struct reload_result *result)
{
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next)
		reload_domain(enforcer, replanning, m, result);
	end_replanning(enforcer, replanning);
	refresh_groups(enforcer);
}

static int read_library(const char *directory, struct library_share **ret, struct diag *diag)
{
	struct library_share *share = calloc(1, sizeof(*share));
	int r = share ? load_trusted_library(directory, &share->library, diag) : -ENOMEM;

	if (r < 0) {
		free(share);
		fail(diag, -r, directory, 0, "%s", strerror(-r));
		return r;
	}
	share->users = 1;
	*ret = share;
	return 0;
}

/* There is no file of that name. One that is there and bad holds up its own domains only. */
static int check_named_policy(const struct config *config, const struct library *library,
			      const char *key, const char *name, int line, struct diag *diag)
{
	if (!name || find_policy(library, name, NULL) || find_file_error(library, name))
		return 0;
	return fail(diag, EINVAL, config->path, line,
		    "%s: there is no policy \"%s\" in %s: nothing is changed", key, name,
		    config->policy_directory);
}

/* New settings must not take from running domains what they have because a name is misspelt. */
static int check_named_policies(const struct config *config, const struct library *library,
				struct diag *diag)
{
	int r = check_named_policy(config, library, "mandatory-policy", config->mandatory_policy,
				   config->mandatory_policy_line, diag);

	return r < 0 ? r
		     : check_named_policy(config, library, "unmanaged", config->unmanaged_policy,
					  config->unmanaged_policy_line, diag);
}

int reload_enforcer(struct enforcer *enforcer, const struct config *config,
		    struct reload_result *ret, struct diag *diag)
{
	struct library_share *share = NULL;
	struct reload_result result = {0};
	struct replanning replanning;
	int r = read_library(config->policy_directory, &share, diag);

	if (r < 0)
		return r;
	if (config != enforcer->config)
		r = check_named_policies(config, share->library, diag);
	if (r < 0) {
		release_library(&share);
		return r;
	}
	if (begin_replanning(enforcer, &replanning) < 0) {
		release_library(&share);
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	}
	clear_rules_cache(&enforcer->rules);
	release_library(&enforcer->library);
	enforcer->library = share;
	enforcer->config = config;
	reload_domains(enforcer, &replanning, &result);
	result.bad_files = count_bad_files(share->library);
	*ret = result;
	return 0;
}
