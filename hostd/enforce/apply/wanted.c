/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is asked for and what is in force. Whatever has changed (a description, the policies, a
 * group, the settings), the plan of a domain is made here and from its newest description. So a
 * change of one thing cannot hide that another thing is not in force as asked for.
 */
#include "hostd/enforce/apply/wanted.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/base/text.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/enforce/apply/apply.h"
#include "hostd/enforce/apply/batch.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/persist.h"
#include "hostd/enforce/inventory/plan_inputs.h"
#include "hostd/enforce/inventory/unclaimed.h"
#include "hostd/enforce/plan/description.h"

/* Text NULL: what is asked for is in force. A new text is logged. */
static void note_error(struct managed_domain *managed, const char *text)
{
	bool is_new = text && (!managed->error || strcmp(managed->error, text) != 0);

	/* The text may be the error itself. */
	if (!is_new && text)
		return;
	replace_text(&managed->error, text);
	if (text)
		log_error(managed->domain->name, "%s: %s",
			  managed->port_count ? "keeps its old policy" : "passes nothing", text);
}

static const struct managed_port *find_port(const struct managed_domain *managed,
					    const struct domain_interface *nic)
{
	unsigned int ifindex = locate_device(managed, nic->mac, nic->target);

	for (size_t i = 0; ifindex && i < managed->port_count; i++) {
		if (managed->ports[i].ifindex == ifindex)
			return &managed->ports[i];
	}
	return NULL;
}

/* Whether some policy holds for the NIC already. What an adopted port has only the kernel knows. */
static bool is_open(const struct enforcer *enforcer, const struct managed_domain *managed,
		    const struct domain_interface *nic)
{
	const struct managed_port *port = find_port(managed, nic);

	if (!port)
		return false;
	if (port->plan)
		return !port->plan->closed;
	return !is_closed_port(enforcer->datapath, port->ifindex);
}

static bool is_any_open(const struct enforcer *enforcer, const struct managed_domain *managed)
{
	const struct domain *domain = managed->domain;

	for (size_t i = 0; i < domain->interface_count; i++) {
		if (is_open(enforcer, managed, &domain->interfaces[i]))
			return true;
	}
	return false;
}

/* By the policy in force, with the newest library if that is good for it, else with the one that it
 * came from. */
static int plan_former(struct enforcer *enforcer, const struct managed_domain *managed,
		       const struct domain_interface *nic, struct port_plan **ret)
{
	struct library_share *libraries[] = {enforcer->library, managed->library};

	for (size_t i = 0; managed->policy && i < ARRAY_SIZE(libraries); i++) {
		struct plan_inputs inputs = plan_inputs(enforcer, libraries[i]);
		_cleanup_(clear_diag) struct diag diag = {0};

		if (libraries[i] &&
		    plan_nic(&inputs, managed->domain, nic, managed->policy, ret, &diag) == 0)
			return 0;
	}
	return -ENOENT;
}

/* The NIC keeps the policy that it has, and the plan says why. */
static void fall_back_to_former(struct enforcer *enforcer, const struct managed_domain *managed,
				struct port_plan **entry)
{
	const struct domain_interface *nic = find_nic(managed->domain, (*entry)->mac);
	struct port_plan *former;

	if (!nic || !is_open(enforcer, managed, nic) ||
	    plan_former(enforcer, managed, nic, &former) < 0)
		return;
	former->error = TAKE_PTR((*entry)->error);
	free_port_plan(entry);
	*entry = former;
}

/* No NIC can have what is asked for. */
static int plan_failure(const struct managed_domain *managed, const char *error,
			struct domain_plan **ret)
{
	const struct domain *domain = managed->domain;
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	int r = new_domain_plan(domain->interface_count, &plan);

	for (size_t i = 0; r == 0 && i < domain->interface_count; i++) {
		if (domain->interfaces[i].kind != INTERFACE_NONE)
			r = add_failed_nic(plan, &domain->interfaces[i], error);
	}
	if (r == 0)
		*ret = TAKE_PTR(plan);
	return r;
}

/* Which NICs the domain has now is not known. Those that are filtered have what there is for them;
 * all else stays as it is. */
static int plan_unread(struct enforcer *enforcer, struct managed_domain *managed,
		       struct domain_plan **ret)
{
	const struct domain *domain = managed->domain;
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	_cleanup_free_ char *error = NULL;

	if (new_domain_plan(domain->interface_count, &plan) < 0)
		return -ENOMEM;
	plan->partial = true;
	for (size_t i = 0; i < domain->interface_count; i++) {
		const struct domain_interface *nic = &domain->interfaces[i];

		if (is_open(enforcer, managed, nic) &&
		    plan_former(enforcer, managed, nic, &plan->ports[plan->port_count]) == 0)
			plan->port_count++;
	}
	if (asprintf(&error,
		     "libvirt's description cannot be read, so new interfaces stay closed: %s",
		     managed->unread) < 0)
		error = NULL;
	note_error(managed, error ? error : managed->unread);
	*ret = TAKE_PTR(plan);
	return 0;
}

/* NULL: each NIC has what is asked for. */
static const char *first_failure(const struct domain_plan *plan)
{
	for (size_t i = 0; i < plan->port_count; i++) {
		if (plan->ports[i]->error)
			return plan->ports[i]->error;
	}
	return NULL;
}

/* Fills in a fallback for each NIC whose plan failed. Takes over `read`, from which the
 * plan was made; NULL: it was made from the policy in force. */
static void finish_plan(struct enforcer *enforcer, struct managed_domain *managed,
			struct domain_policy *read, struct domain_plan *plan, struct diag *diag)
{
	_cleanup_(free_domain_policy) struct domain_policy *policy = read;
	const char *failure = first_failure(plan);

	for (size_t i = 0; i < plan->port_count; i++) {
		if (plan->ports[i]->error)
			fall_back_to_former(enforcer, managed, &plan->ports[i]);
	}
	/* Nothing was in force before: the part that is good is better than nothing. */
	if (policy && (!failure || !managed->policy)) {
		/* It begins to be filtered; what a guest has open that runs already may go on. */
		if (!managed->policy && !is_any_open(enforcer, managed))
			open_pickup(enforcer, managed);
		set_policy(managed, TAKE_PTR(policy));
	}
	if (!failure || !managed->library)
		use_library(managed, enforcer->library);
	failure = first_failure(plan);
	if (!failure && (check_metadata(managed->domain, diag) < 0 ||
			 check_unfilterable(enforcer->config, managed->domain, diag) < 0))
		failure = diag_message(diag);
	if (!failure)
		log_warnings(managed->domain, diag);
	note_error(managed, failure);
}

/* The policy that the newest description asks for; *ret is NULL for a domain that is not filtered.
 * Where it is the policy in force, *ret_read is NULL; else it was read just now. The settings
 * decide only for domains without metadata, so metadata that was read once is not read again. */
static int ask_policy(const struct config *config, const struct managed_domain *managed,
		      struct domain_policy **ret_read, const struct domain_policy **ret,
		      struct diag *diag)
{
	int r;

	if (managed->policy_is_newest) {
		*ret = managed->policy;
		return 0;
	}
	r = read_domain_policy(config, managed->domain, ret_read, diag);
	if (r == 0)
		*ret = *ret_read;
	return r;
}

int plan_wanted(struct enforcer *enforcer, struct managed_domain *managed, struct domain_plan **ret)
{
	struct plan_inputs inputs = plan_inputs(enforcer, enforcer->library);
	_cleanup_(free_domain_policy) struct domain_policy *read = NULL;
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	const struct domain_policy *asked = NULL;
	int r;

	if (managed->unread)
		return plan_unread(enforcer, managed, ret);
	r = ask_policy(enforcer->config, managed, &read, &asked, &diag);
	if (r == 0 && !asked) {
		set_policy(managed, NULL);
		note_error(managed, NULL);
		*ret = NULL;
		return 0;
	}
	if (r == 0)
		r = plan_nics(&inputs, managed->domain, asked, &plan, &diag);
	if (r < 0) {
		fail(&diag, -r, managed->domain->name, 0, "%s", strerror(-r));
		r = plan_failure(managed, diag_message(&diag), &plan);
	}
	if (r < 0 || !plan) {
		note_error(managed, "out of memory");
		return -ENOMEM;
	}
	finish_plan(enforcer, managed, TAKE_PTR(read), plan, &diag);
	*ret = TAKE_PTR(plan);
	return 0;
}

void stop_filtering(struct enforcer *enforcer, struct managed_domain *managed)
{
	if (managed->port_count > 0)
		log_notice(managed->domain->name, "no longer has vmseg metadata: detached");
	detach_ports(enforcer, managed);
	release_devices(enforcer, managed);
	remove_saved_domain(enforcer, managed->domain->uuid);
	managed->detached = false;
}

void enforce_wanted(struct enforcer *enforcer, struct managed_domain *managed)
{
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;

	if (plan_wanted(enforcer, managed, &plan) < 0)
		return;
	if (!plan) {
		stop_filtering(enforcer, managed);
		return;
	}
	if (!managed->detached)
		apply_plans(enforcer, &(struct planned){managed, plan}, 1);
	else if (!managed->unread)
		release_devices(enforcer, managed);
	save_domain(enforcer, managed);
}

void log_warnings(const struct domain *domain, const struct diag *diag)
{
	for (size_t i = 0; i < diag->warning_count; i++)
		log_warning(domain->name, "%s: %s", diag->warnings[i].where,
			    diag->warnings[i].text);
}
