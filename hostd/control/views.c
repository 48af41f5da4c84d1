/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a domain and its ports look like from outside.
 */
#include "hostd/control/views.h"

#include "hostd/base/cleanup.h"
#include "hostd/datapath/attachment/attach_method.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/queries/names.h"
#include "hostd/datapath/queries/port_stats.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/enforce/inventory/holders.h"
#include "hostd/enforce/inventory/libvirts.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/plan/description.h"

const char *direction_name(int direction)
{
	return direction == DIRECTION_IN ? "in" : "out";
}

const char *action_name(enum action action)
{
	return action == ACTION_ALLOW ? "allow" : "deny";
}

static bool has_closed_port(const struct managed_domain *domain)
{
	for (size_t i = 0; i < domain->port_count; i++) {
		if (domain->ports[i].plan && domain->ports[i].plan->closed)
			return true;
	}
	return false;
}

static bool has_failed_port(const struct managed_domain *domain)
{
	for (size_t i = 0; i < domain->port_count; i++) {
		if (domain->ports[i].error || domain->ports[i].hook_problem)
			return true;
	}
	return false;
}

const char *domain_state(const struct managed_domain *domain, const char *gap)
{
	if (domain->detached)
		return "detached";
	if (has_closed_port(domain))
		return "closed";
	if (is_waiting(domain))
		return "waiting";
	if (domain->error || gap || has_failed_port(domain))
		return "stale";
	if (!domain->policy)
		return "unmanaged";
	return domain->policy->mode == MODE_AUDIT ? "audit" : "enforce";
}

static json_t *view_strings(char *const *strings, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(strings[i]));
	return array;
}

json_t *view_diag_warnings(const struct diag *diag)
{
	json_t *warnings = json_array();

	for (size_t i = 0; i < diag->warning_count; i++)
		json_array_append_new(warnings, json_sprintf("%s%s%s", diag->warnings[i].where,
							     diag->warnings[i].where[0] ? ": " : "",
							     diag->warnings[i].text));
	return warnings;
}

json_t *view_warnings(const struct enforcer *enforcer, const struct managed_domain *domain)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	json_t *warnings = json_array();

	if (domain->detached)
		json_array_append_new(
			warnings,
			json_sprintf("%s: is detached: not filtered until \"vmseg attach %s\"",
				     domain->domain->name, domain->domain->name));
	if (domain->policy)
		warn_of_unknown_interfaces(domain->domain, domain->policy, &diag);
	for (size_t i = 0; i < diag.warning_count; i++)
		json_array_append_new(warnings, json_sprintf("%s: %s", diag.warnings[i].where,
							     diag.warnings[i].text));
	if (is_unwatched(enforcer, domain))
		json_array_append_new(warnings,
				      json_sprintf("%s: vmseg cannot see changes of the domain: no "
						   "libvirt-uri of driver %s is connected",
						   domain->domain->name, domain->domain->driver));
	return warnings;
}

json_t *view_unfiltered(const struct managed_domain *domain)
{
	json_t *array = json_array();

	for (size_t i = 0; is_managed(domain) && i < domain->domain->unfilterable_count; i++) {
		const struct unfilterable_nic *nic = &domain->domain->unfilterable[i];

		json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s, s:i}", "domain",
						       domain->domain->name, "kind", nic->kind,
						       "name", nic->name, "reason", nic->reason,
						       "line", nic->line));
	}
	for (size_t i = 0; i < domain->port_count; i++) {
		const struct managed_port *port = &domain->ports[i];

		if (port->unfiltered)
			json_array_append_new(
				array, json_pack("{s:s, s:s, s:s, s:s, s:i}", "domain",
						 domain->domain->name, "kind", "packet-socket",
						 "name", port->device, "reason",
						 "a packet socket takes what its guest sends first",
						 "line", 0));
	}
	return array;
}

json_t *view_guard(const struct port_config *config, enum guard_kind kind)
{
	char text[GUARD_TEXT_BYTES];

	return json_string(guard_text(kind, config->guards >> kind & 1, config->vlans,
				      config->vlan_count, text));
}

static json_t *view_guards(const struct port_config *config)
{
	json_t *guards = json_object();

	for (size_t i = 0; i < GUARD_KIND_COUNT; i++)
		json_object_set_new(guards, guard_rows[i].name, view_guard(config, i));
	return guards;
}

static json_t *view_limits(const struct port_config *config)
{
	json_t *limits = json_object();

	for (size_t i = 0; i < LIMIT_COUNT; i++)
		json_object_set_new(limits, limit_rows[i].name, json_integer(config->limits[i]));
	return limits;
}

static json_t *view_config(const struct port_config *config)
{
	json_t *addresses = json_array(), *vlans = json_array();
	char text[PREFIX_TEXT_BYTES];

	for (size_t i = 0; i < config->address_count; i++)
		json_array_append_new(addresses,
				      json_string(format_prefix(&config->addresses[i], text)));
	for (size_t i = 0; i < config->vlan_count; i++)
		json_array_append_new(vlans, json_integer(config->vlans[i]));
	return json_pack("{s:b, s:o, s:o, s:o, s:o}", "audit", !!(config->flags & PORT_AUDIT),
			 "addresses", addresses, "vlans", vlans, "guards", view_guards(config),
			 "limits", view_limits(config));
}

static json_t *view_counter(const struct counter *counter)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)counter->packets, "bytes",
			 (json_int_t)counter->bytes);
}

json_t *view_deciding_rule(const struct port_plan *plan, uint32_t verdict)
{
	const struct rule_note *rule = find_rule_note(plan->rules, verdict);

	if (!rule)
		return json_null();
	return json_pack("{s:s, s:o, s:s}", "policy", rule->policy, "id", json_text(rule->id),
			 "place", rule->place);
}

static const char *rule_direction(const struct rule_note *rule)
{
	if (rule->in && rule->out)
		return "inout";
	return rule->in ? "in" : "out";
}

static json_t *view_rule(const struct rule_note *rule, uint32_t number,
			 const struct counter *counter)
{
	return json_pack("{s:I, s:s, s:o, s:s, s:s, s:s, s:b, s:I, s:I}", "number",
			 (json_int_t)number, "policy", rule->policy, "id", json_text(rule->id),
			 "place", rule->place, "direction", rule_direction(rule), "action",
			 action_name(rule->action), "log", rule->log, "packets",
			 (json_int_t)counter->packets, "bytes", (json_int_t)counter->bytes);
}

static json_t *view_rules(struct datapath *datapath, unsigned int ifindex,
			  const struct port_plan *plan)
{
	json_t *rules = json_array();

	for (uint32_t n = 1; n <= plan->rules->count; n++) {
		struct counter counter = {0};

		read_rule_counter(datapath, ifindex, n, &counter);
		json_array_append_new(rules, view_rule(&plan->rules->items[n - 1], n, &counter));
	}
	return rules;
}

static void add_plan(json_t *view, struct datapath *datapath, unsigned int ifindex,
		     const struct port_plan *plan)
{
	struct counter defaults = {0};

	read_rule_counter(datapath, ifindex, 0, &defaults);
	json_object_update_new(view, view_config(&plan->config));
	json_object_update_new(
		view,
		json_pack("{s:s, s:b, s:I, s:{s:s, s:s, s:o}, s:o, s:o, s:o}", "type", plan->type,
			  "closed", plan->closed, "image_nodes", (json_int_t)plan->image_nodes,
			  "default", "in", action_name(plan->default_action[DIRECTION_IN]), "out",
			  action_name(plan->default_action[DIRECTION_OUT]), "hits",
			  view_counter(&defaults), "policies",
			  view_strings(plan->policies, plan->policy_count), "groups",
			  view_strings(plan->rules->groups, plan->rules->group_count), "rules",
			  view_rules(datapath, ifindex, plan)));
}

/* The ids are what bpftool knows maps, programs and links by. */
static void add_status(json_t *view, const struct port_status *status)
{
	json_t *kernel = json_pack("{s:I, s:{s:I, s:I}, s:{s:I, s:I}}", "session_map_id",
				   (json_int_t)status->session_map_id, "program_id", "in",
				   (json_int_t)status->program_id[DIRECTION_IN], "out",
				   (json_int_t)status->program_id[DIRECTION_OUT], "link_id", "in",
				   (json_int_t)status->link_id[DIRECTION_IN], "out",
				   (json_int_t)status->link_id[DIRECTION_OUT]);

	json_object_update_new(view, kernel);
	json_object_update_new(view, json_pack("{s:I, s:I, s:s, s:I, s:I, s:I, s:{s:b, s:b}}",
					       "slot", (json_int_t)status->slot, "generation",
					       (json_int_t)status->generation, "attach",
					       attach_names[status->attach], "sessions",
					       (json_int_t)status->session_count, "session_limit",
					       (json_int_t)status->session_limit, "pickup_seconds",
					       (json_int_t)status->pickup_seconds, "hooked", "in",
					       status->hooked[DIRECTION_IN], "out",
					       status->hooked[DIRECTION_OUT]));
}

static json_t *view_counters(const struct port_stats *stats)
{
	json_t *counters = json_array();

	for (int direction = 0; direction < 2; direction++) {
		for (int reason = 0; reason < REASON_COUNT; reason++) {
			const struct counter *counter = &stats->by_reason[direction][reason];

			if (counter->packets)
				json_array_append_new(
					counters,
					json_pack("{s:s, s:s, s:s, s:I, s:I}", "direction",
						  direction_name(direction), "reason",
						  reason_name((uint8_t)reason), "verdict",
						  reason_passes((uint8_t)reason) ? "pass" : "drop",
						  "packets", (json_int_t)counter->packets, "bytes",
						  (json_int_t)counter->bytes));
		}
	}
	return counters;
}

json_t *view_port(struct enforcer *enforcer, const struct managed_port *port)
{
	struct datapath *datapath = enforcer_datapath(enforcer);
	struct port_status status;
	struct port_stats stats;
	char mac[MAC_TEXT_BYTES];
	json_t *view =
		json_pack("{s:s, s:o, s:I, s:o, s:o}", "mac", format_mac(port->mac, mac), "device",
			  json_text(port->device), "ifindex", (json_int_t)port->ifindex, "error",
			  json_text(port->error), "hook_problem", json_text(port->hook_problem));

	if (port->plan)
		add_plan(view, datapath, port->ifindex, port->plan);
	if (port->ifindex && read_port_status(datapath, port->ifindex, &status) == 0)
		add_status(view, &status);
	if (port->ifindex && read_port_stats(datapath, port->ifindex, &stats) == 0) {
		json_object_set_new(view, "counters", view_counters(&stats));
		json_object_set_new(view, "audited",
				    json_pack("{s:o, s:o}", "in",
					      view_counter(&stats.audited[DIRECTION_IN]), "out",
					      view_counter(&stats.audited[DIRECTION_OUT])));
	}
	return view;
}
