/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of running domains.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/enforce/inventory/enforcer_state.h"

struct library_share *share_library(struct library_share *share)
{
	if (share)
		share->users++;
	return share;
}

void release_library(struct library_share **share)
{
	if (*share && --(*share)->users == 0) {
		free_library(&(*share)->library);
		free(*share);
	}
	*share = NULL;
}

void use_library(struct managed_domain *managed, struct library_share *share)
{
	struct library_share *before = managed->library;

	/* Taken before the old one is let go: they may be the same. */
	managed->library = share_library(share);
	release_library(&before);
}

void log_warnings(const struct domain *domain, const struct diag *diag)
{
	for (size_t i = 0; i < diag->warning_count; i++)
		log_warning(domain->name, "%s: %s", diag->warnings[i].where,
			    diag->warnings[i].text);
}

void set_error(char **target, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	/* In doubt what was wrong still is; that something is must not be lost. */
	if (text && !copy && *target)
		return;
	if (text && !copy)
		copy = strdup("out of memory");
	free(*target);
	*target = copy;
}

void free_port(struct managed_port *port)
{
	free_port_plan(&port->plan);
	free(TAKE_PTR(port->error));
	free(TAKE_PTR(port->hook_problem));
}

struct managed_domain *find_managed(const struct enforcer *enforcer, const char *uuid)
{
	struct managed_domain *managed;

	HASH_FIND_STR(enforcer->domains, uuid, managed);
	return managed;
}

void set_policy(struct managed_domain *managed, struct domain_policy *policy)
{
	const char *text = policy ? managed->domain->metadata : NULL;

	free_domain_policy(&managed->policy);
	free(managed->policy_text);
	managed->policy = policy;
	managed->policy_text = text ? strdup(text) : NULL;
}

struct managed_domain *new_managed(struct domain *domain, char *xml, struct domain_policy *policy)
{
	struct managed_domain *managed = calloc(1, sizeof(*managed));

	if (managed) {
		managed->domain = domain;
		memcpy(managed->uuid, domain->uuid, sizeof(managed->uuid));
		managed->xml = xml;
		set_policy(managed, policy);
		return managed;
	}
	free_domain(&domain);
	free_domain_policy(&policy);
	free(xml);
	return NULL;
}

void free_managed(struct managed_domain *managed)
{
	for (size_t i = 0; i < managed->port_count; i++)
		free_port(&managed->ports[i]);
	free(managed->ports);
	free_domain(&managed->domain);
	free_domain_policy(&managed->policy);
	release_library(&managed->library);
	free(managed->policy_text);
	free(managed->xml);
	free(managed->unread_xml);
	free(managed->unread);
	free(managed->error);
	free(managed->gap);
	free(managed);
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

void replace_description(struct managed_domain *managed, struct domain *domain, char *xml)
{
	free_domain(&managed->domain);
	free(managed->xml);
	free(TAKE_PTR(managed->unread_xml));
	set_error(&managed->unread, NULL);
	managed->domain = domain;
	managed->xml = xml;
}

bool may_be_managed(const struct managed_domain *managed)
{
	return is_managed(managed) && !managed->detached;
}

const char *find_present_device(const struct managed_domain *managed)
{
	char name[IF_NAMESIZE];

	for (size_t i = 0; i < managed->port_count; i++) {
		if (managed->ports[i].ifindex && if_indextoname(managed->ports[i].ifindex, name))
			return managed->ports[i].device;
	}
	return NULL;
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
		     "%s with UUID %s: name the UUID",
		     name, found->domain->driver, found->uuid, second->domain->driver,
		     second->uuid);
	return second ? NULL : found;
}

struct managed_domain *find_owner(struct enforcer *enforcer, unsigned int ifindex,
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

const struct managed_domain *find_port_owner(struct enforcer *enforcer, unsigned int ifindex,
					     const struct managed_port **ret_port)
{
	struct managed_port *port = NULL;
	const struct managed_domain *owner = find_owner(enforcer, ifindex, &port);

	if (owner)
		*ret_port = port;
	return owner;
}
