/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compares what libvirt says is running with the domains that are known. Nothing here is refused:
 * an event never stops a running guest, and a bad description never opens its ports.
 */
#include "hostd/enforce/handlers/reconcile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/base/text.h"
#include "hostd/domain/domain_xml.h"
#include "hostd/enforce/apply/wanted.h"
#include "hostd/enforce/handlers/refresh.h"
#include "hostd/enforce/inventory/clones.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/holders.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/persist.h"

/* A domain that is new here runs already: what it has open may be picked up for a while. Takes over
 * domain and xml, which may be NULL. */
static struct managed_domain *add_running(struct enforcer *enforcer, struct domain *domain,
					  char *xml)
{
	struct managed_domain *managed = new_managed(domain, xml, NULL);

	if (!managed || !insert_managed(enforcer, managed))
		return NULL;
	open_pickup(enforcer, managed);
	return managed;
}

/* What runs already keeps what it has. Takes over domain. */
static void meet_clone(struct enforcer *enforcer, struct managed_domain *managed,
		       struct domain *domain, const char *xml)
{
	if (note_clone(enforcer, managed, domain, xml) < 0)
		log_error(managed->domain->name,
			  "another running domain has the same UUID, and its description cannot be "
			  "kept: out of memory");
	save_domain(enforcer, managed);
}

/* Takes over domain. */
static int take_description(struct enforcer *enforcer, struct managed_domain *managed,
			    struct domain *domain, const struct domain_event *event)
{
	char *copy = strdup(event->xml);

	if (!copy) {
		free_domain(&domain);
		return -ENOMEM;
	}
	if (managed)
		replace_description(managed, domain, copy);
	else
		managed = add_running(enforcer, domain, copy);
	if (!managed)
		return -ENOMEM;
	managed->described = event->seen;
	managed->missing = false;
	/* What it has open now goes with what it is said to have now. */
	look_at_process(enforcer, managed);
	enforce_wanted(enforcer, managed);
	return 0;
}

/* Whose description it is, where that cannot be read as a whole. Libvirt's own word, where it is
 * there, holds. */
static int identify(const struct domain_event *event, struct domain **ret)
{
	if (event->uuid)
		return new_domain(event->name ? event->name : event->uuid, event->uuid,
				  event->driver, ret);
	return parse_identity(event->xml, strlen(event->xml), ret, NULL);
}

/* The domain keeps what it has; what it has new stays closed, because nobody can say that it is not
 * to be filtered. */
static void note_unread(struct enforcer *enforcer, const struct domain_event *event,
			const char *why)
{
	_cleanup_(free_domain) struct domain *identity = NULL;
	struct managed_domain *managed;

	if (identify(event, &identity) < 0) {
		log_error(NULL, "libvirt's description of a domain cannot be read: %s", why);
		return;
	}
	managed = find_managed(enforcer, identity->uuid);
	if (managed && managed->touched > event->seen)
		return;
	if (!managed)
		managed = add_running(enforcer, TAKE_PTR(identity), NULL);
	if (!managed) {
		log_error(event->name, "its description cannot be kept: out of memory; new devices "
				       "stay closed");
		return;
	}
	free(managed->unread_xml);
	managed->unread_xml = event->xml ? strdup(event->xml) : NULL;
	replace_text(&managed->unread, why);
	managed->missing = false;
	enforce_wanted(enforcer, managed);
}

void reconcile_domain(struct enforcer *enforcer, const struct domain_event *event)
{
	_cleanup_(free_domain) struct domain *domain = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	struct managed_domain *managed;
	int r = parse_domain(event->xml, strlen(event->xml), &domain, &diag);

	if (r == 0) {
		managed = find_managed(enforcer, domain->uuid);
		if (managed && managed->touched > event->seen)
			return;
		if (managed && is_clone(managed, domain, !event->uuid)) {
			meet_clone(enforcer, managed, TAKE_PTR(domain), event->xml);
			return;
		}
		r = take_description(enforcer, managed, TAKE_PTR(domain), event);
		if (r < 0)
			fail(&diag, -r, NULL, 0, "out of memory");
	}
	if (r < 0)
		note_unread(enforcer, event, diag_message(&diag));
	refresh_groups(enforcer);
}

void note_undescribed(struct enforcer *enforcer, const struct domain_event *event, const char *why)
{
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text, "libvirt cannot provide it: %s", why) < 0)
		text = NULL;
	note_unread(enforcer, event, text ? text : why);
	refresh_groups(enforcer);
}
