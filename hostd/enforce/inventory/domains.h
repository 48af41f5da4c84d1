/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of running domains.
 */
#ifndef VMSEG_DOMAINS_H
#define VMSEG_DOMAINS_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* By UUID; NULL: there is none. */
struct managed_domain *find_managed(const struct enforcer *enforcer, const char *uuid);

/* By UUID; else by name. NULL, with an error in diag: none is known to run, or two have the name.
 */
const struct managed_domain *find_domain(struct enforcer *enforcer, const char *name,
					 struct diag *diag);

bool is_name_taken(const struct enforcer *enforcer, const char *name);

/* The port domain of a device's name; NULL: there is none. */
struct managed_domain *find_port_domain(const struct enforcer *enforcer, const char *device);

/* The domain that has an attached device as a port; *ret_port is set with it. NULL: nobody. */
struct managed_domain *find_owner(const struct enforcer *enforcer, unsigned int ifindex,
				  struct managed_port **ret_port);

/* The same for readers. */
const struct managed_domain *find_port_owner(const struct enforcer *enforcer, unsigned int ifindex,
					     const struct managed_port **ret_port);

/* A domain other than `except` that may be managed and whose description names the device; NULL:
 * there is none. */
struct managed_domain *find_claimant(const struct enforcer *enforcer, const char *device,
				     const struct managed_domain *except);

/* In order of names; the callback must not change domains. */
void for_each_domain(struct enforcer *enforcer,
		     void (*visit)(const struct managed_domain *domain, void *context),
		     void *context);

/* Takes over managed. False: out of memory, and it is freed. */
bool insert_managed(struct enforcer *enforcer, struct managed_domain *managed);

/* Removes from the table and frees; ports stay as they are. */
void drop_managed(struct enforcer *enforcer, struct managed_domain *managed);

#endif
