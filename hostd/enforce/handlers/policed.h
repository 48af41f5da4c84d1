/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains whose NICs have an ingress qdisc of libvirt's.
 */
#ifndef VMSEG_POLICED_H
#define VMSEG_POLICED_H

#include "hostd/enforce/inventory/enforcer.h"

/* -EOPNOTSUPP with an error where a NIC of a domain that is to be filtered would have libvirt's
 * ingress qdisc in clsact's place. Asked before anything is made. */
int refuse_policed(const struct enforcer *enforcer, const struct domain *domain, struct diag *diag);

/* A domain that is not filtered, and has such a NIC, is about to start. Until it has, for a while,
 * no new device is closed: clsact on the device would refuse libvirt its qdisc, and so the start.
 * Returns 0 or -ENOMEM. */
int expect_policed_start(struct enforcer *enforcer, const struct domain *domain);
void forget_policed_start(struct enforcer *enforcer, const char *uuid);
bool awaits_policed_start(struct enforcer *enforcer);

void free_policed(struct enforcer *enforcer);

#endif
