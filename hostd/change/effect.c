/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each domain that depends on the candidate is planned with it, and each of its ports compared with
 * what is in force. Where that differs, every live session is judged as the programs would.
 */
#include "hostd/change/effect.h"

#include "hostd/base/cleanup.h"
#include "hostd/change/policy_use.h"

struct measurement {
	struct enforcer *enforcer;
	struct candidate *candidate;
	const struct effect_visitor *visitor;
	struct port_effect effect; /* of the port at hand */
};

static bool judge_session(const struct session_view *view, void *context)
{
	struct measurement *measurement = context;
	struct port_effect *effect = &measurement->effect;
	const struct port_plan *plan = effect->plan;
	uint32_t verdict;

	effect->sessions++;
	if (outlives_image(&view->key, &view->session, plan->image, &verdict))
		return true;
	effect->denied++;
	if (!(plan->config.flags & PORT_AUDIT))
		measurement->visitor->session(effect, view, verdict, measurement->visitor->context);
	return true;
}

static bool count_session(const struct session_view *view, void *context)
{
	struct measurement *measurement = context;

	measurement->effect.sessions++;
	return true;
}

static void measure_port(struct measurement *measurement, const struct managed_domain *domain,
			 const struct managed_port *port, const struct port_plan *plan)
{
	struct datapath *datapath = enforcer_datapath(measurement->enforcer);
	struct port_effect *effect = &measurement->effect;
	bool judged;

	*effect = (struct port_effect){.domain = domain, .port = port, .plan = plan};
	if (foresee_update(datapath, port->ifindex, &plan->config, plan->image, &effect->changes) <
	    0)
		return;
	judged = effect->changes.image || effect->changes.config;
	if (!judged && !effect->changes.session_limit)
		return;
	walk_sessions(datapath, port->ifindex, judged ? judge_session : count_session, measurement);
	measurement->visitor->port(effect, measurement->visitor->context);
}

static void measure_domain(const struct managed_domain *domain, void *context)
{
	struct measurement *measurement = context;
	struct candidate *candidate = measurement->candidate;
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	char text[1024];

	if (domain->detached ||
	    !depends_on(measurement->enforcer, candidate->library, domain, candidate->name))
		return;
	if (plan_candidate(measurement->enforcer, candidate, domain, &plan, &diag) < 0) {
		measurement->visitor->refused(domain, diag_message(&diag, text, sizeof(text)),
					      measurement->visitor->context);
		return;
	}
	for (size_t i = 0; i < domain->port_count; i++) {
		const struct managed_port *port = &domain->ports[i];
		const struct port_plan *next = find_port_plan(plan, port);

		if (port->ifindex && next)
			measure_port(measurement, domain, port, next);
	}
}

void measure_effect(struct enforcer *enforcer, struct candidate *candidate,
		    const struct effect_visitor *visitor)
{
	struct measurement measurement = {enforcer, candidate, visitor, {0}};

	for_each_domain(enforcer, measure_domain, &measurement);
}
