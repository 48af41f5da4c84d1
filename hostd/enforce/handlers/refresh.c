/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the members of a group change, the ports whose rules name it are planned again.
 */
#include "hostd/enforce/handlers/refresh.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/enforce/handlers/replan.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/groups.h"
#include "hostd/enforce/inventory/managed.h"

/* Domains that are brought to their groups' members in one go: more of them take turns with
 * requests. */
#define OUTDATED_AT_ONCE 32

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
		enforcer->outdated = true;
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
	enforcer->outdated = count == OUTDATED_AT_ONCE;
	end_replanning(enforcer, &replanning);
}
