/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What libvirt says is running against what is known to run. Nothing here refuses: a running guest
 * is never hurt by news about it, and never opened by bad ones.
 */
#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/enforce/state.h"

/* Takes over domain, xml and policy. A domain that is new here runs already: what it has open may
 * be picked up for a while. */
static struct managed_domain *describe(struct enforcer *enforcer, struct managed_domain *managed,
				       struct domain *domain, char *xml,
				       struct domain_policy *policy)
{
	if (managed) {
		replace_description(enforcer, managed, domain, xml, policy);
		return managed;
	}
	managed = new_managed(domain, xml, policy);
	if (!managed)
		return NULL;
	insert_managed(enforcer, managed);
	managed->pickup_until = monotonic_usec() + enforcer->config->pickup_window * USEC_PER_SEC;
	return managed;
}

/* What it asks for cannot be had: open ports keep what they have, new ones pass nothing. */
static void refuse_news(struct enforcer *enforcer, struct managed_domain *managed,
			const struct domain *domain, struct diag *diag)
{
	char text[1024];

	set_error(&managed->error, diag_message(diag, text, sizeof(text)));
	log_error(domain->name, "%s: %s",
		  managed->port_count ? "keeps its old policy" : "passes nothing", managed->error);
	if (!managed->detached)
		apply_closed(enforcer, managed, domain);
	save_domain(enforcer, managed);
}

static void leave_alone(struct enforcer *enforcer, struct managed_domain *managed)
{
	if (managed->port_count > 0)
		log_notice(managed->domain->name, "has no vmseg metadata any more: detached");
	detach_ports(enforcer, managed);
	release_devices(enforcer, managed->domain);
	remove_saved_domain(enforcer, managed->domain->uuid);
	managed->detached = false;
	set_error(&managed->error, NULL);
}

/* The description is the domain's own already. */
static void bring_in_line(struct enforcer *enforcer, struct managed_domain *managed,
			  struct domain_plan *plan, const struct diag *diag)
{
	const struct planned item = {managed, plan};

	use_library(managed, enforcer->library);
	set_error(&managed->error, NULL);
	if (managed->detached)
		release_devices(enforcer, managed->domain);
	else
		apply_plans(enforcer, &item, 1);
	log_warnings(managed->domain, diag);
	save_domain(enforcer, managed);
}

static int plan_news(struct enforcer *enforcer, const struct domain *domain,
		     struct domain_policy **ret_policy, struct domain_plan **ret_plan,
		     struct diag *diag)
{
	struct plan_inputs inputs = plan_inputs(enforcer, enforcer->library);
	int r = read_domain_policy(enforcer->config, domain, ret_policy, diag);

	if (r < 0 || !*ret_policy)
		return r;
	return plan_domain(&inputs, domain, *ret_policy, ret_plan, diag);
}

static void reconcile(struct enforcer *enforcer, struct managed_domain *managed, const char *xml,
		      struct domain *news)
{
	_cleanup_(free_domain) struct domain *domain = news;
	_cleanup_(free_domain_policy) struct domain_policy *policy = NULL;
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	int r = plan_news(enforcer, domain, &policy, &plan, &diag);

	if (r == 0 || !managed) {
		char *copy = strdup(xml);

		if (!copy)
			return;
		managed = describe(enforcer, managed, TAKE_PTR(domain), copy, TAKE_PTR(policy));
		if (!managed)
			return;
	}
	if (r < 0)
		refuse_news(enforcer, managed, domain ? domain : managed->domain, &diag);
	else if (managed->policy)
		bring_in_line(enforcer, managed, plan, &diag);
	else
		leave_alone(enforcer, managed);
}

void reconcile_domain(struct enforcer *enforcer, const char *xml, uint64_t seen)
{
	_cleanup_(free_domain) struct domain *domain = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	struct managed_domain *managed;
	char text[1024];

	if (parse_domain(xml, strlen(xml), &domain, &diag) < 0) {
		log_error(NULL, "libvirt's description of a domain cannot be read: %s",
			  diag_message(&diag, text, sizeof(text)));
		return;
	}
	managed = find_managed(enforcer, domain->uuid);
	if (managed && managed->touched > seen)
		return;
	reconcile(enforcer, managed, xml, TAKE_PTR(domain));
	refresh_groups(enforcer);
}

void forget_domain(struct enforcer *enforcer, const char *uuid, uint64_t seen)
{
	const struct managed_domain *managed = find_managed(enforcer, uuid);

	if (managed && managed->touched <= seen)
		stop_domain(enforcer, uuid);
}

static bool is_listed(const char *uuid, const char *const *uuids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(uuid, uuids[i]) == 0)
			return true;
	}
	return false;
}

void keep_domains(struct enforcer *enforcer, const char *driver, const char *const *uuids,
		  size_t count, uint64_t seen)
{
	struct managed_domain *managed, *next;
	char uuid[sizeof(managed->domain->uuid)];

	HASH_ITER (hh, enforcer->domains, managed, next) {
		if (managed->touched > seen || strcmp(managed->domain->driver, driver) != 0 ||
		    is_listed(managed->domain->uuid, uuids, count))
			continue;
		memcpy(uuid, managed->domain->uuid, sizeof(uuid));
		stop_domain(enforcer, uuid);
	}
}
