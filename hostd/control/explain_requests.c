/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "explain": what would become of a packet, answered by the loaded programs themselves; of what is
 * in force, or of a candidate.
 */
#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/protocols.h"
#include "hostd/change/candidate.h"
#include "hostd/control/explain_question.h"
#include "hostd/control/methods.h"
#include "hostd/control/views.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/queries/explain.h"
#include "hostd/datapath/queries/names.h"
#include "hostd/datapath/queries/probe.h"
#include "hostd/datapath/queries/session_query.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/plan/plan.h"

/* One question with its answer. */
struct inquiry {
	struct enforcer *enforcer;
	const struct managed_domain *domain;
	const struct managed_port *port;
	struct candidate *candidate;     /* NULL: what is in force is asked about */
	bool alone;                      /* the candidate stands for all of the NIC's policies */
	struct domain_plan *domain_plan; /* with the candidate */
	const struct port_plan *plan;    /* that is asked about; NULL: not known */
	struct probe probe;
	struct explanation answer;
	bool has_session; /* on the live maps, whatever is asked about */
	struct session_view session;
};

static void clear_inquiry(struct inquiry *inquiry)
{
	free_domain_plan(&inquiry->domain_plan);
	free_candidate(&inquiry->candidate);
}

/* ---- the candidate -------------------------------------------------------------------------- */

static bool uses_candidate(const struct inquiry *inquiry)
{
	const char *name = inquiry->candidate->name;

	for (size_t i = 0; inquiry->plan && i < inquiry->plan->policy_count; i++) {
		if (strcmp(inquiry->plan->policies[i], name) == 0)
			return true;
	}
	/* Where a set is named is a matter of its rules. */
	return !find_policy(inquiry->candidate->library, name, NULL);
}

/* Sets the plan that the NIC would have with the candidate in place of what has its name; where
 * its policies do not name it, as the only one. */
static int plan_inquiry(struct inquiry *inquiry, struct diag *diag)
{
	int r = plan_candidate(inquiry->enforcer, inquiry->candidate, inquiry->domain,
			       &inquiry->domain_plan, diag);

	if (r < 0)
		return r;
	inquiry->plan = find_port_plan(inquiry->domain_plan, inquiry->port);
	inquiry->alone = !uses_candidate(inquiry);
	if (inquiry->alone) {
		free_domain_plan(&inquiry->domain_plan);
		r = plan_candidate_alone(inquiry->enforcer, inquiry->candidate, inquiry->domain,
					 &inquiry->domain_plan, diag);
		if (r < 0)
			return r;
		inquiry->plan = find_port_plan(inquiry->domain_plan, inquiry->port);
	}
	return inquiry->plan
		       ? 0
		       : fail(diag, ENOENT, NULL, 0, "%s: the domain has no such NIC any more",
			      inquiry->port->device);
}

static int choose_plan(struct inquiry *inquiry, const json_t *params, struct diag *diag)
{
	const char *xml = json_string_value(json_object_get(params, "xml"));
	const char *source = json_string_value(json_object_get(params, "source"));
	int r;

	inquiry->plan = inquiry->port->plan;
	if (!xml)
		return 0;
	r = read_candidate(inquiry->enforcer, xml, source ? source : "policy", &inquiry->candidate,
			   diag);
	return r < 0 ? r : plan_inquiry(inquiry, diag);
}

/* ---- asking --------------------------------------------------------------------------------- */

static int ask_programs(struct inquiry *inquiry, struct diag *diag)
{
	struct datapath *datapath = enforcer_datapath(inquiry->enforcer);
	const struct managed_port *port = inquiry->port;
	struct session_key key = key_of_probe(&inquiry->probe);
	uint8_t frame[PROBE_BYTES_MAX];
	size_t size = build_probe(&inquiry->probe, frame);
	int r;

	inquiry->has_session = read_session(datapath, port->ifindex, &key, &inquiry->session) == 0;
	if (inquiry->candidate)
		return explain_candidate(datapath, port->ifindex, &inquiry->plan->config,
					 inquiry->plan->image, inquiry->probe.direction, frame,
					 size, &inquiry->answer, diag);
	r = explain_frame(datapath, port->ifindex, inquiry->probe.direction, frame, size,
			  &inquiry->answer);
	if (r < 0)
		return fail(diag, -r, NULL, 0, "%s: the programs cannot be run: %s", port->device,
			    strerror(-r));
	return 0;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static json_t *view_question(const struct inquiry *inquiry)
{
	const struct probe *probe = &inquiry->probe;
	char local[PREFIX_TEXT_BYTES], remote[PREFIX_TEXT_BYTES], number[PROTOCOL_TEXT_BYTES];

	return json_pack("{s:o, s:I, s:I, s:s, s:s, s:s, s:I, s:s, s:I}", "device",
			 json_text(inquiry->port->device), "vlan",
			 (json_int_t)OUTER_VLAN(probe->vlans), "inner_vlan",
			 (json_int_t)INNER_VLAN(probe->vlans), "direction",
			 direction_name(probe->direction), "protocol",
			 protocol_name(probe->protocol, number), "local",
			 format_address(probe->local, local), "local_port",
			 (json_int_t)probe->local_port, "remote",
			 format_address(probe->remote, remote), "remote_port",
			 (json_int_t)probe->remote_port);
}

static json_t *view_candidate(const struct inquiry *inquiry)
{
	if (!inquiry->candidate)
		return json_null();
	return json_pack("{s:s, s:s}", "name", inquiry->candidate->name, "as",
			 inquiry->alone ? "only" : "replacement");
}

static bool policy_was_asked(const struct inquiry *inquiry)
{
	uint8_t reason = inquiry->answer.reason;

	/* A live session of an older generation, or of no candidate's, is judged again. */
	if (reason == REASON_ESTABLISHED)
		return inquiry->answer.verdict != 0;
	return reason_asks_policy(reason);
}

/* The verdict cell that decided, of now or of when the session was judged last; *ret_plan has its
 * rules. False: none did. */
static bool find_verdict(const struct inquiry *inquiry, uint32_t *ret,
			 const struct port_plan **ret_plan)
{
	bool asked = policy_was_asked(inquiry);

	if (!asked && !(inquiry->answer.reason == REASON_ESTABLISHED && inquiry->has_session))
		return false;
	*ret = asked ? inquiry->answer.verdict : inquiry->session.verdict;
	*ret_plan = asked ? inquiry->plan : inquiry->port->plan;
	/* A session that an earlier policy's rule keeps: no rule of now has decided. */
	if (!asked && !(*ret & VERDICT_ALLOW))
		return false;
	return *ret_plan && (*ret & VERDICT_RULE_MASK) <= (*ret_plan)->rules->count;
}

static json_t *view_rule(const struct inquiry *inquiry)
{
	const struct port_plan *plan;
	uint32_t verdict;

	if (!find_verdict(inquiry, &verdict, &plan))
		return json_null();
	return view_deciding_rule(plan, verdict);
}

static json_t *view_setting(const char *kind, const char *name, json_t *value, const char *place)
{
	return json_pack("{s:s, s:s, s:o, s:o}", "kind", kind, "name", name, "value", value,
			 "place", json_text(place));
}

/* Who has opened the session, or would. */
static enum direction find_opener(const struct inquiry *inquiry)
{
	if (!inquiry->has_session)
		return inquiry->probe.direction;
	return inquiry->session.session.flags & SESSION_OPENED_OUT ? DIRECTION_OUT : DIRECTION_IN;
}

static json_t *view_default(const struct inquiry *inquiry)
{
	enum direction opener = find_opener(inquiry);
	const struct port_plan *plan;
	uint32_t verdict;

	if (!find_verdict(inquiry, &verdict, &plan) || (verdict & VERDICT_RULE_MASK))
		return json_null();
	return view_setting("default", direction_name(opener),
			    json_string(action_name(plan->default_action[opener])),
			    plan->settings.defaults[opener]);
}

/* The guard, limit or default that has decided; null: none has. */
static json_t *view_decider(const struct inquiry *inquiry)
{
	const struct port_plan *plan = inquiry->plan;
	uint8_t reason = inquiry->answer.reason;

	if (!plan)
		return json_null();
	for (size_t i = 0; i < GUARD_KIND_COUNT; i++) {
		if (guard_rows[i].reason == reason)
			return view_setting("guard", guard_rows[i].name,
					    view_guard(&plan->config, i), plan->settings.guards[i]);
	}
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		if (limit_rows[i].reason == reason)
			return view_setting("limit", limit_rows[i].name,
					    json_integer(plan->config.limits[i]),
					    plan->settings.limits[i]);
	}
	return view_default(inquiry);
}

static const char *view_outcome(const struct inquiry *inquiry)
{
	if (reason_passes(inquiry->answer.reason))
		return "pass";
	return inquiry->plan && (inquiry->plan->config.flags & PORT_AUDIT) ? "audit" : "drop";
}

static json_t *view_answer(const struct inquiry *inquiry)
{
	uint8_t reason = inquiry->answer.reason;
	json_t *result = view_question(inquiry);

	json_object_update_new(result,
			       json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "verdict",
					 view_outcome(inquiry), "reason", reason_name(reason),
					 "help", reason_help(reason), "rule", view_rule(inquiry),
					 "setting", view_decider(inquiry), "session",
					 inquiry->has_session
						 ? view_session(inquiry->port, &inquiry->session)
						 : json_null(),
					 "candidate", view_candidate(inquiry)));
	return result;
}

int answer_explain(struct control_context *context, const json_t *params, json_t **ret_result,
		   struct diag *diag)
{
	_cleanup_(clear_inquiry) struct inquiry inquiry = {.enforcer = context->enforcer};
	const char *name = need_string(params, "domain", diag);
	int r;

	if (!name)
		return -EINVAL;
	inquiry.domain = find_domain(context->enforcer, name, diag);
	if (!inquiry.domain)
		return -ENOENT;
	inquiry.port = choose_port(inquiry.domain, params, diag);
	if (!inquiry.port)
		return -EINVAL;
	r = choose_plan(&inquiry, params, diag);
	if (r == 0)
		r = read_question(params, inquiry.port, inquiry.plan, &inquiry.probe, diag);
	if (r == 0)
		r = ask_programs(&inquiry, diag);
	if (r < 0)
		return r;
	*ret_result = view_answer(&inquiry);
	return *ret_result ? 0 : -ENOMEM;
}
