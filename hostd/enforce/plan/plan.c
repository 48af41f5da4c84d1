/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plans: metadata, library and groups in; port configurations and images out.
 */
#include "hostd/enforce/plan/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/enforce/plan/description.h"
#include "hostd/policy/read/parse.h"

static void free_strings(char **strings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(strings[i]);
	free(strings);
}

static void clear_settings(struct setting_notes *settings)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings->defaults); i++)
		free(settings->defaults[i]);
	for (size_t i = 0; i < GUARD_KIND_COUNT; i++)
		free(settings->guards[i]);
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		free(settings->limits[i]);
}

void free_port_plan(struct port_plan **plan)
{
	struct port_plan *p = *plan;

	if (!p)
		return;
	free(p->type);
	free(p->target);
	free(p->error);
	free_image(&p->image);
	clear_settings(&p->settings);
	release_rule_notes(&p->rules);
	free_strings(p->policies, p->policy_count);
	free(p);
	*plan = NULL;
}

void free_domain_plan(struct domain_plan **plan)
{
	if (!*plan)
		return;
	for (size_t i = 0; i < (*plan)->port_count; i++)
		free_port_plan(&(*plan)->ports[i]);
	free((*plan)->ports);
	free(*plan);
	*plan = NULL;
}

static int note_places(const struct place *places, size_t count, char **ret)
{
	for (size_t i = 0; i < count; i++) {
		if (!places[i].source)
			continue;
		if (asprintf(&ret[i], "%s:%d", places[i].source, places[i].line) < 0) {
			ret[i] = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

static int note_settings(struct port_plan *plan, const struct setting_places *places)
{
	int r = note_places(places->defaults, ARRAY_SIZE(places->defaults),
			    plan->settings.defaults);

	if (r == 0)
		r = note_places(places->guards, GUARD_KIND_COUNT, plan->settings.guards);
	return r ? r : note_places(places->limits, LIMIT_COUNT, plan->settings.limits);
}

/* The list that holds for this NIC: its own, where it has one, else the domain's. */
static const struct policy_item *list_policies(const struct domain_policy *domain,
					       const uint8_t mac[static MAC_BYTES],
					       size_t *ret_count)
{
	for (size_t i = 0; i < domain->interface_count; i++) {
		const struct interface_policy *nic = &domain->interfaces[i];

		if (memcmp(nic->mac, mac, MAC_BYTES) == 0 && nic->policy_count > 0) {
			*ret_count = nic->policy_count;
			return nic->policies;
		}
	}
	*ret_count = domain->policy_count;
	return domain->policies;
}

static int name_policies(struct port_plan *plan, const char *mandatory,
			 const struct domain_policy *domain)
{
	size_t count;
	const struct policy_item *items = list_policies(domain, plan->mac, &count);

	plan->policies = calloc(count + 1, sizeof(*plan->policies));
	if (!plan->policies)
		return -ENOMEM;
	if (mandatory)
		plan->policies[plan->policy_count++] = strdup(mandatory);
	for (size_t i = 0; i < count; i++)
		plan->policies[plan->policy_count++] =
			strdup(items[i].ref ? items[i].ref : "inline");
	for (size_t i = 0; i < plan->policy_count; i++) {
		if (!plan->policies[i])
			return -ENOMEM;
	}
	return 0;
}

static void fill_config(struct port_plan *plan, const struct effective_policy *effective)
{
	struct port_config *config = &plan->config;

	memcpy(config->mac, plan->mac, MAC_BYTES);
	config->guards = effective->guards;
	config->flags = effective->mode == MODE_AUDIT ? PORT_AUDIT : 0;
	memcpy(config->addresses, effective->addresses, sizeof(config->addresses));
	config->address_count = effective->address_count;
	memcpy(config->vlans, effective->vlans, sizeof(config->vlans));
	config->vlan_count = effective->vlan_count;
	memcpy(config->limits, effective->limits, sizeof(config->limits));
	memcpy(plan->default_action, effective->default_action, sizeof(plan->default_action));
}

static int new_port_plan(const struct domain_interface *nic, struct port_plan **ret)
{
	_cleanup_(free_port_plan) struct port_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return -ENOMEM;
	memcpy(plan->mac, nic->mac, MAC_BYTES);
	plan->type = strdup(nic->type ? nic->type : "");
	plan->target = nic->target ? strdup(nic->target) : NULL;
	if (!plan->type || !plan->target != !nic->target)
		return -ENOMEM;
	*ret = TAKE_PTR(plan);
	return 0;
}

/* Compiles and notes; on failure the plan is left for its owner to free. */
static int fill_plan(struct port_plan *plan, const struct plan_inputs *inputs,
		     const struct domain_policy *policy, struct effective_policy *effective,
		     struct diag *diag)
{
	int r;

	fill_config(plan, effective);
	r = compile_rules(inputs->rules, inputs->library, &inputs->groups, effective, &plan->image,
			  &plan->rules, diag);
	if (r < 0)
		return r;
	plan->image_nodes = plan->image->node_count;
	r = note_settings(plan, &effective->setting_places);
	return r ? r : name_policies(plan, inputs->config->mandatory_policy, policy);
}

static int plan_port(const struct plan_inputs *inputs, const struct domain_interface *nic,
		     const struct domain_policy *policy, const struct policy *mandatory,
		     struct port_plan **ret, struct diag *diag)
{
	_cleanup_(free_effective_policy) struct effective_policy *effective = NULL;
	_cleanup_(free_port_plan) struct port_plan *plan = NULL;
	int r;

	r = collect_policy(inputs->library, mandatory, policy, nic->mac, &effective, diag);
	if (r < 0)
		return r;
	r = new_port_plan(nic, &plan);
	if (r == 0)
		r = fill_plan(plan, inputs, policy, effective, diag);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(plan);
	return 0;
}

static int find_mandatory(const struct plan_inputs *inputs, const struct policy **ret,
			  struct diag *diag)
{
	*ret = NULL;
	if (!inputs->config->mandatory_policy)
		return 0;
	*ret = find_policy(inputs->library, inputs->config->mandatory_policy, diag);
	return *ret ? 0 : fail(diag, ENOENT, NULL, 0, "the mandatory policy is missing");
}

int new_domain_plan(size_t capacity, struct domain_plan **ret)
{
	_cleanup_(free_domain_plan) struct domain_plan *plan = calloc(1, sizeof(*plan));

	if (plan)
		plan->ports = calloc(capacity + 1, sizeof(struct port_plan *));
	if (!plan || !plan->ports)
		return -ENOMEM;
	*ret = TAKE_PTR(plan);
	return 0;
}

int add_failed_nic(struct domain_plan *plan, const struct domain_interface *nic, const char *error)
{
	_cleanup_(free_port_plan) struct port_plan *entry = NULL;
	int r = new_port_plan(nic, &entry);

	if (r == 0)
		entry->error = strdup(error);
	if (r < 0 || !entry->error)
		return -ENOMEM;
	plan->ports[plan->port_count++] = TAKE_PTR(entry);
	return 0;
}

/* Adds the NIC to the plan if there is anything to be filtered. */
static int add_nic(const struct plan_inputs *inputs, const struct domain *domain,
		   const struct domain_interface *nic, const struct domain_policy *policy,
		   const struct policy *mandatory, struct domain_plan *plan, struct diag *diag)
{
	int r;

	if (nic->kind == INTERFACE_NONE)
		return 0;
	r = plan_port(inputs, nic, policy, mandatory, &plan->ports[plan->port_count], diag);
	if (r < 0)
		return fail(diag, -r, domain->name, 0, "%s", strerror(-r));
	plan->port_count++;
	return 0;
}

int plan_nic(const struct plan_inputs *inputs, const struct domain *domain,
	     const struct domain_interface *nic, const struct domain_policy *policy,
	     struct port_plan **ret, struct diag *diag)
{
	const struct policy *mandatory;
	int r = find_mandatory(inputs, &mandatory, diag);

	if (r == 0)
		r = plan_port(inputs, nic, policy, mandatory, ret, diag);
	return r < 0 ? fail(diag, -r, domain->name, 0, "%s", strerror(-r)) : 0;
}

int plan_nics(const struct plan_inputs *inputs, const struct domain *domain,
	      const struct domain_policy *policy, struct domain_plan **ret, struct diag *diag)
{
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	const struct policy *mandatory;
	int r = find_mandatory(inputs, &mandatory, diag);

	if (r == 0)
		r = new_domain_plan(domain->interface_count, &plan);
	for (size_t i = 0; r == 0 && i < domain->interface_count; i++) {
		const struct domain_interface *nic = &domain->interfaces[i];
		_cleanup_(clear_diag) struct diag own = {0};

		if (add_nic(inputs, domain, nic, policy, mandatory, plan, &own) < 0)
			r = add_failed_nic(plan, nic, diag_message(&own));
	}
	if (r < 0)
		return fail(diag, -r, domain->name, 0, "%s", strerror(-r));
	warn_of_unknown_interfaces(domain, policy, diag);
	*ret = TAKE_PTR(plan);
	return 0;
}

int plan_domain(const struct plan_inputs *inputs, const struct domain *domain,
		const struct domain_policy *policy, struct domain_plan **ret, struct diag *diag)
{
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	const struct policy *mandatory;
	int r = new_domain_plan(domain->interface_count, &plan);

	if (r < 0)
		return fail(diag, ENOMEM, domain->name, 0, "out of memory");
	r = find_mandatory(inputs, &mandatory, diag);
	for (size_t i = 0; r == 0 && i < domain->interface_count; i++)
		r = add_nic(inputs, domain, &domain->interfaces[i], policy, mandatory, plan, diag);
	if (r == 0)
		r = check_unfilterable(inputs->config, domain, diag);
	if (r < 0)
		return r;
	warn_of_unknown_interfaces(domain, policy, diag);
	*ret = TAKE_PTR(plan);
	return 0;
}

int plan_closed(const struct domain_interface *nic, struct port_plan **ret)
{
	struct effective_policy nothing = {.guards = GUARDS_ALL}; /* no sessions: quarantine */
	_cleanup_(free_port_plan) struct port_plan *plan = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	int r;

	nothing.default_action[DIRECTION_IN] = ACTION_DENY;
	nothing.default_action[DIRECTION_OUT] = ACTION_DENY;
	r = new_port_plan(nic, &plan);
	if (r == 0)
		r = compile_image(&nothing, &plan->image, &diag);
	if (r == 0)
		r = note_rules(&nothing, &plan->rules);
	if (r < 0)
		return r;
	plan->closed = true;
	plan->image_nodes = plan->image->node_count;
	fill_config(plan, &nothing);
	*ret = TAKE_PTR(plan);
	return 0;
}
