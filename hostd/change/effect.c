/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plans each domain that depends on the candidate, and compares each of its ports with the
 * configuration in force. If they differ, all open sessions are judged as the programs would judge
 * them, in small groups, because there may be a million.
 */
#include "hostd/change/effect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"
#include "hostd/change/policy_use.h"
#include "hostd/datapath/ports/update.h"
#include "hostd/datapath/queries/session_query.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/managed.h"

/* ---- what would change ---------------------------------------------------------------------- */

struct foresight {
	struct enforcer *enforcer;
	struct candidate *candidate;
	struct effect *effect;
	int result; /* of the domains so far */
};

static struct domain_effect *add_domain(struct effect *effect, const char *name)
{
	struct domain_effect *domains =
		grow_array(effect->domains, effect->domain_count, sizeof(*domains));

	if (!domains)
		return NULL;
	effect->domains = domains;
	domains = &domains[effect->domain_count++];
	domains->name = strdup(name);
	return domains->name ? domains : NULL;
}

static int add_port(struct effect *effect, const char *domain, const struct managed_port *port,
		    const struct port_plan *plan, const struct port_changes *changes)
{
	struct port_effect *ports = grow_array(effect->ports, effect->port_count, sizeof(*ports));

	if (!ports)
		return -ENOMEM;
	effect->ports = ports;
	ports = &ports[effect->port_count++];
	*ports = (struct port_effect){
		.domain = domain,
		.ifindex = port->ifindex,
		.plan = plan,
		.changes = *changes,
	};
	memcpy(ports->device, port->device, sizeof(ports->device));
	return 0;
}

static int foresee_ports(struct foresight *foresight, const struct managed_domain *domain,
			 const struct domain_effect *planned)
{
	struct datapath *datapath = enforcer_datapath(foresight->enforcer);
	int r = 0;

	for (size_t i = 0; r == 0 && i < domain->port_count; i++) {
		const struct managed_port *port = &domain->ports[i];
		const struct port_plan *plan = find_port_plan(planned->plan, port);
		struct port_changes changes;

		if (port->ifindex && plan &&
		    foresee_update(datapath, port->ifindex, &plan->config, plan->image, &changes) ==
			    0 &&
		    (changes.image || changes.config || changes.session_limit))
			r = add_port(foresight->effect, planned->name, port, plan, &changes);
	}
	return r;
}

static int foresee_domain(struct foresight *foresight, const struct managed_domain *domain)
{
	struct candidate *candidate = foresight->candidate;
	struct domain_effect *planned;
	_cleanup_(clear_diag) struct diag diag = {0};

	if (domain->detached ||
	    !depends_on(foresight->enforcer, candidate->library, domain, candidate->name))
		return 0;
	planned = add_domain(foresight->effect, domain->domain->name);
	if (!planned)
		return -ENOMEM;
	if (plan_candidate(foresight->enforcer, candidate, domain, &planned->plan, &diag) == 0)
		return foresee_ports(foresight, domain, planned);
	planned->error = strdup(diag_message(&diag));
	return planned->error ? 0 : -ENOMEM;
}

static void visit_domain(const struct managed_domain *domain, void *context)
{
	struct foresight *foresight = context;

	if (foresight->result == 0)
		foresight->result = foresee_domain(foresight, domain);
}

int foresee_effect(struct enforcer *enforcer, struct candidate *candidate, struct effect **ret)
{
	_cleanup_(free_effect) struct effect *effect = calloc(1, sizeof(*effect));
	struct foresight foresight = {enforcer, candidate, effect, 0};

	if (!effect)
		return -ENOMEM;
	for_each_domain(enforcer, visit_domain, &foresight);
	if (foresight.result < 0)
		return foresight.result;
	*ret = TAKE_PTR(effect);
	return 0;
}

void free_effect(struct effect **pointer)
{
	struct effect *effect = *pointer;

	if (!effect)
		return;
	for (size_t i = 0; i < effect->domain_count; i++) {
		free(effect->domains[i].name);
		free(effect->domains[i].error);
		free_domain_plan(&effect->domains[i].plan);
	}
	free(effect->domains);
	free(effect->ports);
	free(effect);
	*pointer = NULL;
}

/* ---- live sessions -------------------------------------------------------------------------- */

struct judgement {
	struct port_effect *effect;
	const struct managed_port *port;
	cut_callback cut;
	void *context;
};

static void judge_session(const struct session_view *view, void *context)
{
	const struct judgement *judgement = context;
	struct port_effect *effect = judgement->effect;
	const struct port_plan *plan = effect->plan;
	uint32_t verdict;

	effect->sessions++;
	if (!effect->changes.image && !effect->changes.config)
		return;
	if (outlives_image(&view->key, &view->session, plan->image, &verdict))
		return;
	effect->denied++;
	if (!(plan->config.flags & PORT_AUDIT))
		judgement->cut(effect, judgement->port, view, verdict, judgement->context);
}

int judge_sessions(struct effect *effect, struct enforcer *enforcer, uint32_t wanted,
		   cut_callback cut, void *context)
{
	struct judgement judgement = {.cut = cut, .context = context};
	const struct managed_domain *domain;
	int r = -ENOENT;

	if (effect->judged == effect->port_count)
		return 0;
	judgement.effect = &effect->ports[effect->judged];
	domain = find_port_owner(enforcer, judgement.effect->ifindex, &judgement.port);
	if (domain && strcmp(domain->domain->name, judgement.effect->domain) == 0)
		r = page_sessions(enforcer_datapath(enforcer), judgement.effect->ifindex, wanted,
				  &effect->place, judge_session, &judgement);
	if (r == -ENOENT)
		effect->place = 0;
	else if (r < 0)
		return r;
	if (effect->place == 0)
		effect->judged++;
	return effect->judged < effect->port_count;
}
