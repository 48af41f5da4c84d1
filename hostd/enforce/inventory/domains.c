/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of running domains.
 */
#include "hostd/enforce/inventory/domains.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/enforce/inventory/enforcer_state.h"

struct managed_domain *find_managed(const struct enforcer *enforcer, const char *uuid)
{
	struct managed_domain *managed;

	HASH_FIND_STR(enforcer->domains, uuid, managed);
	return managed;
}

bool insert_managed(struct enforcer *enforcer, struct managed_domain *managed)
{
	HASH_ADD_STR(enforcer->domains, uuid, managed);
	if (was_added(&managed->hh))
		return true;
	free_managed(managed);
	return false;
}

void drop_managed(struct enforcer *enforcer, struct managed_domain *managed)
{
	HASH_DEL(enforcer->domains, managed);
	free_managed(managed);
}

struct managed_domain *find_claimant(const struct enforcer *enforcer, const char *device,
				     const struct managed_domain *except)
{
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (m != except && may_be_managed(m) && names_device(m->domain, device))
			return m;
	}
	return NULL;
}

static int compare_names(const struct managed_domain *a, const struct managed_domain *b)
{
	return strcmp(a->domain->name, b->domain->name);
}

void for_each_domain(struct enforcer *enforcer,
		     void (*visit)(const struct managed_domain *domain, void *context),
		     void *context)
{
	HASH_SORT(enforcer->domains, compare_names);
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next)
		visit(m, context);
}

/* The first of this name among `from` and those after it, or NULL. */
static const struct managed_domain *next_named(const struct managed_domain *from, const char *name)
{
	while (from && strcmp(from->domain->name, name) != 0)
		from = from->hh.next;
	return from;
}

bool is_name_taken(const struct enforcer *enforcer, const char *name)
{
	return next_named(enforcer->domains, name);
}

const struct managed_domain *find_domain(struct enforcer *enforcer, const char *name,
					 struct diag *diag)
{
	const struct managed_domain *found = find_managed(enforcer, name), *second;

	if (found)
		return found;
	found = next_named(enforcer->domains, name);
	second = found ? next_named(found->hh.next, name) : NULL;
	if (!found)
		fail(diag, ENOENT, NULL, 0, "no running domain is named \"%s\"", name);
	else if (second)
		fail(diag, ENOTUNIQ, NULL, 0,
		     "two domains are named \"%s\", one of driver %s with UUID %s, one of driver "
		     "%s with UUID %s: use the UUID",
		     name, found->domain->driver, found->uuid, second->domain->driver,
		     second->uuid);
	return second ? NULL : found;
}

struct managed_domain *find_owner(const struct enforcer *enforcer, unsigned int ifindex,
				  struct managed_port **ret_port)
{
	for (struct managed_domain *m = enforcer->domains; ifindex && m; m = m->hh.next) {
		for (size_t i = 0; i < m->port_count; i++) {
			if (m->ports[i].ifindex == ifindex) {
				*ret_port = &m->ports[i];
				return m;
			}
		}
	}
	return NULL;
}

const struct managed_domain *find_port_owner(const struct enforcer *enforcer, unsigned int ifindex,
					     const struct managed_port **ret_port)
{
	struct managed_port *port = NULL;
	const struct managed_domain *owner = find_owner(enforcer, ifindex, &port);

	if (owner)
		*ret_port = port;
	return owner;
}

struct managed_domain *find_port_domain(const struct enforcer *enforcer, const char *device)
{
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (is_port_domain(m->domain) && strcmp(m->domain->name, device) == 0)
			return m;
	}
	return NULL;
}
