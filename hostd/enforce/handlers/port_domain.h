/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that libvirt does not manage.
 */
#ifndef VMSEG_PORT_DOMAIN_H
#define VMSEG_PORT_DOMAIN_H

#include "hostd/domain/port_description.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* Filters a device that libvirt does not manage, from now on, over restarts and reboots, as a
 * domain of its own; with `replace` changes the policy of one that is filtered so already; with
 * `force` also a device that is not a guest's end (guest_end.h). All or nothing. Returns 0 or
 * -errno with an error: -ENODEV, -EEXIST, -EBUSY (a domain has it), -EOPNOTSUPP (not an Ethernet
 * device), -EINVAL (not a guest's end), or what is wrong with the description. */
int define_port(struct enforcer *enforcer, const struct port_description *description, bool replace,
		bool force, struct diag *diag);

/* Takes that back. -ENOENT: there is no such port domain. */
int undefine_port(struct enforcer *enforcer, const char *device, struct diag *diag);

/* Brings a port domain to what is asked for now; where that is bad, what is in force stays, and a
 * device that has nothing in force passes nothing. */
void renew_port_domain(struct enforcer *enforcer, struct managed_domain *managed);

/* A device of that name has come. False: it is no port domain's. */
bool filter_port_device(struct enforcer *enforcer, const char *device);

#endif
